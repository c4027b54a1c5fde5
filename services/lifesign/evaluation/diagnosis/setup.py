"""The configuration of a training as people write it: a few lines of code, or words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

__all__ = ["Setup"]

_LAYER = re.compile(
    r"\bDense\s*\(\s*(?:units\s*=\s*)?(\d+|[a-z_]\w*)([^()]*(?:\([^()]*\)[^()]*)*)\)", re.IGNORECASE
)
_ACTIVATIONS = ("softmax", "sigmoid", "linear", "relu", "tanh", "softplus", "elu")
_LOSSES = (
    "sparse_categorical_crossentropy",
    "categorical_crossentropy",
    "binary_crossentropy",
    "categorical_hinge",
    "hinge",
    "mean_squared_error",
    "mean_absolute_error",
    "mse",
    "mae",
    "kullback_leibler_divergence",
    "poisson",
    "huber",
    "focal",
)
_LOSS_WORDS = {
    "sparsecategoricalcrossentropy": "sparse_categorical_crossentropy",
    "categoricalcrossentropy": "categorical_crossentropy",
    "binarycrossentropy": "binary_crossentropy",
    "sparse categorical cross-entropy": "sparse_categorical_crossentropy",
    "sparse categorical crossentropy": "sparse_categorical_crossentropy",
    "categorical cross-entropy": "categorical_crossentropy",
    "categorical crossentropy": "categorical_crossentropy",
    "binary cross-entropy": "binary_crossentropy",
    "binary crossentropy": "binary_crossentropy",
    "mean squared error": "mse",
    "meansquarederror": "mse",
    "mean_squared_error": "mse",
    "mean_absolute_error": "mae",
}
_OPTIMIZERS = ("rmsprop", "adamw", "adamax", "nadam", "adam", "sgd", "adagrad", "adadelta", "ftrl")
_NUMBER = r"(\d+(?:\.\d*)?(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?)"
_RATE = re.compile(rf"(?:learning[_ ]rate|\blr)\s*(?:=|:|of|was|is|at|set to)?\s*{_NUMBER}", re.IGNORECASE)
_RATE_IN_CALL = re.compile(rf"\b(?:{'|'.join(_OPTIMIZERS)})\s*\(\s*{_NUMBER}\s*[,)]", re.IGNORECASE)
_RATE_AFTER = re.compile(
    rf"\b(?:{'|'.join(_OPTIMIZERS)})\s+(?:with\s+)?(?:at\s+)?{_NUMBER}(?![\w.%])", re.IGNORECASE
)
_SPLIT = re.compile(rf"validation_split\s*(?:=|:|of)?\s*{_NUMBER}", re.IGNORECASE)


@dataclass(frozen=True)
class Output:
    """The last layer as written: number of units and activation, either may be unknown."""

    units: int | None
    activation: str | None


@dataclass(frozen=True)
class Setup:
    """Notes on a configuration, and what can be read from them. Nothing read is ``None`` or ``False``."""

    notes: tuple[str, ...] = ()

    @cached_property
    def text(self) -> str:
        """All notes in lower case."""
        return "\n".join(self.notes).lower()

    def says(self, *patterns: str) -> bool:
        """Whether any of the regular expressions is found, case ignored."""
        return any(re.search(pattern, self.text) for pattern in patterns)

    def quote(self, *patterns: str) -> str:
        """Return the first note in which one of the patterns is found, else an empty text."""
        for note in self.notes:
            if any(re.search(pattern, note.lower()) for pattern in patterns):
                return note
        return ""

    @cached_property
    def output(self) -> Output:
        """The output layer: the last ``Dense(…)`` written, with its activation (linear if none is
        written).
        """
        found: Output | None = None
        for note in self.notes:
            layers = list(_LAYER.finditer(note))
            if not layers:
                continue
            last = layers[-1]
            units = int(last[1]) if last[1].isdigit() else self.classes_named
            arguments = last[2].lower()
            activation = next((name for name in _ACTIVATIONS if re.search(rf"\b{name}\b", arguments)), None)
            if activation is None:
                activation = _activation_after(note[last.end() :].lower())
            found = Output(units, activation)
        if found is None and (shape := re.search(r"\(none, (\d+)\)\W{1,5}(softmax|sigmoid)", self.text)):
            # As a model's summary has it.
            return Output(int(shape[1]), shape[2])
        if found is None:
            return Output(None, _activation_in_words(self.text))
        if found.activation is None:
            activation = _activation_in_words(self.text)
            return Output(found.units, activation or "linear")
        return found

    @cached_property
    def loss(self) -> str | None:
        """The loss in Keras' spelling."""
        for word, name in _LOSS_WORDS.items():
            if word in self.text and (not word.startswith("categorical") or "sparse" not in self.text):
                return name
        return next((name for name in _LOSSES if re.search(rf"(?<![\w]){name}\b", self.text)), None)

    @cached_property
    def from_logits(self) -> bool:
        """Whether the loss is told to expect logits."""
        return self.says(r"from_logits\s*=\s*true")

    @cached_property
    def optimizer(self) -> str | None:
        """The optimizer's name."""
        return next((name for name in _OPTIMIZERS if re.search(rf"\b{name}\b", self.text)), None)

    @cached_property
    def learning_rate(self) -> float | None:
        """The (initial) learning rate, where a number is written."""
        for pattern in (_RATE, _RATE_IN_CALL, _RATE_AFTER):
            if found := pattern.search(self.text):
                return float(found[1])
        return None

    @cached_property
    def validation_split(self) -> float | None:
        """The share that ``fit`` holds out, 0–1."""
        found = _SPLIT.search(self.text)
        share = float(found[1]) if found else None
        return share if share is not None and 0 < share < 1 else None

    @cached_property
    def classes_named(self) -> int | None:
        """The number of classes in words ("19 classes", "num_classes=3")."""
        found = re.search(r"\b(?:num_classes|nb_classes|n_classes)\s*=\s*(\d+)", self.text) or re.search(
            r"\b(\d+)[- ](?:balanced |different )?(?:classes|categories|labels)\b", self.text
        )
        return int(found[1]) if found else None

    @cached_property
    def classes(self) -> int | None:
        """The number of classes, in words or by the output layer."""
        if self.classes_named:
            return self.classes_named
        if self.is_regression:
            return None
        units, activation = self.output.units, self.output.activation
        if units == 1 and activation in ("sigmoid", "softmax"):
            return 2
        return units if units and units > 1 and activation in ("softmax", "sigmoid") else None

    @cached_property
    def minority_share(self) -> float | None:
        """The share of the rare class where the notes say one in percent, 0–1; below one half."""
        found = re.search(
            r"(\d+(?:\.\d+)?) "
            r"?%[^.\n]{0,25}\b(?:fraud|positive|minority|spam|churn|defect|anomal|sick|disease|"
            r"cancer|ones|class 1|failures?|rare)",
            self.text,
        )
        share = float(found[1]) / 100 if found else None
        return share if share is not None and 0 < share < 0.5 else None

    @cached_property
    def validates_on_training(self) -> bool:
        """Whether the validation data are the training data themselves."""
        return self.says(
            r"validation[_ ]data\s*=\s*\(?\s*x_?train",
            r"validation[^.\n]{0,40}\b(exactly|same as|identical|equals?|is|are)\b[^.\n]{0,20}\btrain\w*( "
            r"(data|set|arrays?|images|samples))?",
            r"train\w*( (data|set|arrays?|images))? (itself|themselves)\b",
            r"(same|identical) (data|arrays?|set|images|batch)[^.\n]{0,25}(for|as)[^.\n]{0,25}(train\w* and "
            r"valid|both|valid)",
        )

    @cached_property
    def is_regression(self) -> bool:
        """Whether the target is a number rather than a class."""
        squared = self.loss in ("mse", "mae", "mean_squared_error", "mean_absolute_error", "huber")
        worded = self.says(
            r"\bregress",
            r"continuous (target|output|label)",
            r"predict\w* (the )?(price|age|speed)",
            r"(house|housing|home) prices?",
            r"\bauto-?encoder",
            r"object detection|bounding box",
        )
        linear = self.output.units == 1 and self.output.activation in ("linear", "relu", None)
        linear = linear or self.says(r"\b(one|single) linear (output|unit)", r"time series", r"\bforecast")
        return (worded and not self.says(r"logistic regression")) or (squared and linear)

    @cached_property
    def has_batch_normalisation(self) -> bool:
        """Whether batch normalisation is in the model, by name or by a backbone that has it."""
        return self.says(
            r"batch ?norm",
            r"\bbn\b",
            r"resnet",
            r"inception",
            r"xception",
            r"densenet",
            r"mobilenet",
            r"efficientnet",
            r"nasnet",
        ) and not self.says(r"(no|without) batch ?norm")

    @cached_property
    def has_dropout(self) -> bool:
        """Whether dropout is in the model."""
        return self.says(r"dropout") and not self.says(r"(no|without) dropout")

    @cached_property
    def has_one_mode(self) -> bool:
        """Whether no layer acts differently in training and inference, as far as the notes say."""
        return self.says(r"no batch ?norm\w*,? (and )?no dropout")

    @cached_property
    def has_weights(self) -> bool:
        """Whether the loss is weighted by class or sample."""
        return self.says(r"class[_ ]weight", r"sample[_ ]weight", r"weighted loss")

    @cached_property
    def has_penalty(self) -> bool:
        """Whether the training loss has an added term that is no error."""
        return self.says(r"regulari[sz]er", r"\bl2\b", r"\bl1\b", r"weight[_ ]decay", r"label[_ ]smoothing")


def _activation_after(rest: str) -> str | None:
    """Return the activation written after a layer: ``Dense(10) + softmax``, ``Dense(2),
    Activation('softmax')``.
    """
    found = re.match(r"[\s,+\-–>→]*(?:and |with |followed by )?(?:activation\s*\(?\s*['\"]?)?(\w+)", rest)
    return found[1] if found and found[1] in _ACTIVATIONS else None


def _activation_in_words(text: str) -> str | None:
    found = re.search(
        r"\b(softmax|sigmoid|linear|tanh|relu)\b[^.\n]{0,25}\b(?:output|last|final)"
        r"|\b(?:output|last|final)\b[^.\n]{0,40}?\b(softmax|sigmoid|linear|tanh|relu)\b"
        r"|activation\s*\(\s*['\"](softmax|sigmoid)",
        text,
    )
    if found:
        return next(part for part in found.groups() if part)
    named = [name for name in ("softmax", "sigmoid") if re.search(rf"\b{name}\b", text)]
    return named[0] if len(named) == 1 else None


def setup_from(notes: Sequence[str]) -> Setup:
    """Return the setup of notes given as any sequence of texts."""
    return Setup(tuple(str(note) for note in notes))
