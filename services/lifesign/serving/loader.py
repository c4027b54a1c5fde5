"""Loading SavedModels: the one place where the services import TensorFlow.

A version becomes a TF1 session, as inside TensorFlow Serving: it enforces no declared shapes, dtypes
are never cast, and error texts are the runtime's own. On load the variables are turned into constants,
and batch normalisation, biases and padding folded into convolutions (``folding.py``); models whose graph
writes variables or needs tables are served as saved.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog
import tensorflow as tf
from tensorflow.python.client import pywrap_tf_session
from tensorflow.python.framework import convert_to_constants
from tensorflow.python.lib.io import tf_record

from lifesign.pb.tensor_pb2 import SignatureDef
from lifesign.serving.folding import folded
from lifesign.serving.servable import Array
from lifesign.serving.status import Code, ServingError

__all__ = ["LoaderOptions", "TensorFlowLoader", "TensorFlowServable", "read_records"]

_log = structlog.get_logger(__name__)

_INIT_SIGNATURE: Final = "__saved_model_init_op"
_MISSING: Final = (
    "Specified file path does not appear to contain a SavedModel bundle (should have a file called "
    "`saved_model.pb`)\nSpecified file path: {}"
)
# Operations whose effect outlives a run: a graph with one of them keeps its variables.
_STATEFUL: Final = frozenset(
    {
        "AssignVariableOp",
        "AssignAddVariableOp",
        "AssignSubVariableOp",
        "HashTableV2",
        "MutableHashTableV2",
        "VarHandleOp",
        "VariableV2",
    }
)
# TensorFlow's stub refuses the missing metadata buffer and says that it returns an object, not arrays.
_session_run: Any = pywrap_tf_session.TF_SessionRun_wrapper


@dataclass(frozen=True)
class LoaderOptions:
    """How versions are loaded.

    ``intra_op_threads`` and ``inter_op_threads`` 0 mean the measured best on CPU (1, and one per core),
    TensorFlow's own choice on GPU. ``gpu_memory_fraction`` 0 leaves memory to TensorFlow. Only what is frozen
    can be folded.
    """

    tags: frozenset[str] = frozenset({"serve"})
    freeze: bool = True
    fold: bool = True
    intra_op_threads: int = 0
    inter_op_threads: int = 0
    gpu_memory_fraction: float = 0.0
    concurrent_runs: int = 0


def read_records(path: Path, limit: int) -> Iterator[bytes]:
    """Yield up to ``limit`` records of a TFRecord file.

    Raises:
        ServingError: DATA_LOSS when the file is no TFRecord.
    """
    try:
        for index, record in enumerate(_records(path)):
            if index == limit:
                return
            yield record
    except tf.errors.DataLossError as error:
        raise ServingError(
            Code.DATA_LOSS, f"{error.message}. Please verify your warmup data is in TFRecord format."
        ) from error


def _records(path: Path) -> Any:
    # TensorFlow's stub says that iterating gives an object; it gives bytes.
    return tf_record.tf_record_iterator(str(path))


@contextmanager
def _runtime_errors() -> Iterator[None]:
    try:
        yield
    except tf.errors.OpError as error:
        raise ServingError(Code(error.error_code), error.message) from error


@dataclass(eq=False)
class TensorFlowServable:
    """A session over one model's graph; ``run`` may be called by many threads at once."""

    session: Any
    signatures: Mapping[str, SignatureDef]
    slots: threading.Semaphore
    frozen: bool
    _outputs: dict[str, Any] = field(default_factory=dict)

    def run(
        self, feeds: Mapping[str, Array], fetches: Sequence[str], *, timeout_seconds: float | None = None
    ) -> list[Array]:
        """See ``Servable.run``."""
        native_feeds = {self._native(name): array for name, array in feeds.items()}
        native_fetches = [self._native(name) for name in fetches]
        with self._slot(timeout_seconds), _runtime_errors():
            outputs = _session_run(
                self.session._session, _run_options(timeout_seconds), native_feeds, native_fetches, [], None
            )
        return list(outputs)

    @contextmanager
    def _slot(self, timeout_seconds: float | None) -> Iterator[None]:
        if not self.slots.acquire(timeout=timeout_seconds):
            raise ServingError(Code.DEADLINE_EXCEEDED, "Timed out waiting for a free runtime slot")
        try:
            yield
        finally:
            self.slots.release()

    def _native(self, name: str) -> Any:
        output = self._outputs.get(name)
        if output is None:
            try:
                output = self.session.graph.get_tensor_by_name(name)._as_tf_output()
            except (KeyError, ValueError) as error:
                raise ServingError(Code.NOT_FOUND, f"Tensor {name} is not in the graph") from error
            self._outputs[name] = output
        return output

    def close(self) -> None:
        """See ``Servable.close``."""
        self.session.close()


def _run_options(timeout_seconds: float | None) -> Any:
    if timeout_seconds is None:
        return None
    milliseconds = max(1, int(timeout_seconds * 1000))
    options = tf.compat.v1.RunOptions(timeout_in_ms=milliseconds)
    return pywrap_tf_session.TF_NewBufferFromString(options.SerializeToString())


class TensorFlowLoader:
    """Loads version folders into sessions that share one thread configuration."""

    def __init__(self, options: LoaderOptions, *, cores: int) -> None:
        self._options = options
        self.has_gpu = bool(tf.config.list_physical_devices("GPU"))
        self._config = self._session_config(cores)
        # Two callers per two cores keep the runtime full; more only take turns on the caches.
        self._slots = threading.Semaphore(options.concurrent_runs or (64 if self.has_gpu else cores))

    def _session_config(self, cores: int) -> Any:
        options = self._options
        config = tf.compat.v1.ConfigProto(
            intra_op_parallelism_threads=options.intra_op_threads or (0 if self.has_gpu else 1),
            inter_op_parallelism_threads=options.inter_op_threads or (0 if self.has_gpu else cores),
            allow_soft_placement=True,
        )
        if options.gpu_memory_fraction > 0:
            config.gpu_options.per_process_gpu_memory_fraction = options.gpu_memory_fraction
        return config

    def load(self, version_dir: Path) -> TensorFlowServable:
        """Load one version folder.

        Raises:
            ServingError: with the code and words that TensorFlow Serving's status would show.
        """
        if not (version_dir / "saved_model.pb").is_file():
            raise ServingError(Code.NOT_FOUND, _MISSING.format(version_dir))
        session, meta_graph = self._restore(version_dir)
        frozen = self._frozen_session(session, meta_graph, version_dir) if self._options.freeze else None
        if frozen is not None:
            session.close()
        signatures = {
            name: SignatureDef.FromString(definition.SerializeToString())
            for name, definition in meta_graph.signature_def.items()
        }
        return TensorFlowServable(frozen or session, signatures, self._slots, frozen is not None)

    def _restore(self, version_dir: Path) -> tuple[Any, Any]:
        graph = tf.Graph()
        session = tf.compat.v1.Session(graph=graph, config=self._config)
        try:
            with graph.as_default(), _runtime_errors():
                meta_graph = tf.compat.v1.saved_model.load(
                    session, sorted(self._options.tags), str(version_dir)
                )
        except OSError as error:
            session.close()
            raise ServingError(
                Code.DATA_LOSS, f"Can't parse {version_dir}/saved_model.pb as binary proto"
            ) from error
        except RuntimeError as error:
            session.close()
            raise ServingError(Code.NOT_FOUND, _tags_message(self._options.tags, error)) from error
        except BaseException:
            session.close()
            raise
        return session, meta_graph

    def _frozen_session(self, session: Any, meta_graph: Any, version_dir: Path) -> Any | None:
        kept = _output_nodes(meta_graph)
        try:
            graph_def = convert_to_constants.convert_variables_to_constants_from_session_graph(
                session, session.graph.as_graph_def(), kept
            )
            reason = _obstacle(graph_def)
        except (ValueError, KeyError, NotImplementedError, TypeError, tf.errors.OpError) as error:
            graph_def, reason = None, f"{type(error).__name__}: {str(error)[:200]}"
        if reason:
            _log.info("model_served_as_saved", path=str(version_dir), reason=reason)
            return None
        if self._options.fold:
            graph_def = _folded_or_same(graph_def, kept, version_dir)
        graph = tf.Graph()
        with graph.as_default():
            tf.import_graph_def(graph_def, name="")
        return tf.compat.v1.Session(graph=graph, config=self._config)


def _folded_or_same(graph_def: Any, kept: list[str], version_dir: Path) -> Any:
    try:
        return folded(graph_def, kept)
    except (ValueError, KeyError, TypeError, RuntimeError, tf.errors.OpError) as error:
        # Folding is for speed only; the frozen graph computes the same.
        _log.warning(
            "model_not_folded", path=str(version_dir), reason=f"{type(error).__name__}: {error}"[:200]
        )
        return graph_def


def _tags_message(tags: frozenset[str], error: Exception) -> str:
    if "could not be found in SavedModel" in str(error):
        return f"Could not find meta graph def matching supplied tags: {{ {' '.join(sorted(tags))} }}"
    return str(error)


def _output_nodes(meta_graph: Any) -> list[str]:
    return sorted(
        {
            info.name.split(":")[0]
            for name, signature in meta_graph.signature_def.items()
            if name != _INIT_SIGNATURE
            for infos in (signature.inputs, signature.outputs)
            for info in infos.values()
        }
    )


def _obstacle(graph_def: Any) -> str:
    """Return why a converted graph still depends on state, empty when it does not."""
    bodies = {body.signature.name: body for body in graph_def.library.function}
    pending, seen, ops = [graph_def.node], set[str](), set[str]()
    while pending:
        for node in pending.pop():
            ops.add(node.op)
            # Savers and initialisers stay in the library; only what the outputs call counts.
            for name in {node.op, *_called(node)} & bodies.keys() - seen:
                seen.add(name)
                pending.append(bodies[name].node_def)
    found = sorted(ops & _STATEFUL)
    return f"the graph uses {', '.join(found)}" if found else ""


def _called(node: Any) -> set[str]:
    names = {attribute.func.name for attribute in node.attr.values()}
    return names | {func.name for attribute in node.attr.values() for func in attribute.list.func}
