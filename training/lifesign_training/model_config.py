"""The networks that a recipe can name, and what each lets one choose."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "ApplicationConfig",
    "ConvLayer",
    "DenseLayer",
    "DropoutLayer",
    "FeaturesConfig",
    "MobileNetConfig",
    "ModelConfig",
    "PoolLayer",
    "PythonConfig",
    "Scaling",
    "SmallConfig",
    "StackConfig",
]

Scaling = Literal["0..1", "-1..1", "none"]
"""What pixels of 0–255 become in the graph, before the first layer."""

Activation = Literal["relu", "elu", "gelu", "selu", "sigmoid", "silu", "tanh", "linear"]


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SmallConfig(_Config):
    """A residual CNN of separable convolutions, trained from scratch."""

    kind: Literal["small"]
    high_pass: bool = Field(default=True, description="fixed noise-residual filters in front")
    stem_filters: int = Field(default=24, ge=4, le=512)
    stem_stride: Literal[1, 2] = 2
    block_filters: tuple[int, ...] = Field(default=(32, 48, 64), min_length=1, max_length=8)
    embedding_size: int = Field(default=64, ge=2, le=4096)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    batch_norm_momentum: float = Field(default=0.9, gt=0, lt=1)


class MobileNetConfig(_Config):
    """MobileNetV2 → global average → dense; ``weights`` is a local file without the top, or none."""

    kind: Literal["mobilenetv2"]
    alpha: float = Field(default=1.0, gt=0, le=2)
    scaling: Scaling = Field(default="-1..1", description="ImageNet weights were trained on −1 to 1")
    embedding_size: int = Field(default=512, ge=2, le=4096)
    dropout: float = Field(default=0.0, ge=0, lt=1)


class ApplicationConfig(_Config):
    """Any network of ``keras.applications`` → pooling → dense; weights are a local file without the top."""

    kind: Literal["application"]
    name: str = Field(description="as Keras spells it, such as ResNet50V2 or EfficientNetB0")
    scaling: Literal["own", "0..1", "-1..1", "none"] = Field(
        default="own", description="own: what the network's preprocess_input does"
    )
    pooling: Literal["average", "max", "flatten"] = "average"
    is_backbone_trained: bool = Field(default=True, description="false: only the head learns")
    embedding_size: int = Field(default=256, ge=2, le=4096)
    dropout: float = Field(default=0.0, ge=0, lt=1)


class FeaturesConfig(_Config):
    """A dense head on features of a fixed network, computed once: features → dense → dropout → classes."""

    kind: Literal["features"]
    backbone: str = Field(default="VGG16", description="a network of keras.applications, without its top")
    scaling: Literal["own", "0..1", "-1..1", "none"] = "own"
    pooling: Literal["average", "max", "flatten"] = "flatten"
    embedding_size: int = Field(default=256, ge=2, le=4096)
    dropout: float = Field(default=0.5, ge=0, lt=1)
    svm_baseline: bool = Field(default=True, description="a linear SVM on the same features, for comparison")


class ConvLayer(_Config):
    """A convolution of ``conv`` filters of ``kernel`` × ``kernel``."""

    conv: int = Field(ge=1, le=8192)
    kernel: int = Field(default=3, ge=1, le=31)
    strides: int = Field(default=1, ge=1, le=8)
    padding: Literal["valid", "same"] = "valid"
    activation: Activation = "relu"


class PoolLayer(_Config):
    """The maximum or average of ``pool`` × ``pool`` places, without overlap."""

    pool: int = Field(ge=2, le=64)
    by: Literal["max", "average"] = "max"


class DenseLayer(_Config):
    """``dense`` units, each on all inputs."""

    dense: int = Field(ge=1, le=65_536)
    activation: Activation = "relu"


class DropoutLayer(_Config):
    """Each input is 0 with probability ``dropout`` while training."""

    dropout: float = Field(gt=0, lt=1)


StackLayer = (
    ConvLayer | PoolLayer | DenseLayer | DropoutLayer | Literal["flatten", "global_average", "batch_norm"]
)


class StackConfig(_Config):
    """A plain stack of layers; the classifier, a dense layer with a unit per class, is added to its end."""

    kind: Literal["stack"]
    channels: Literal[1, 3] = Field(default=3, description="1: grey, made of RGB in the graph (BT.601)")
    scaling: Scaling = "0..1"
    layers: tuple[StackLayer, ...] = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _flat_before_dense(self) -> Self:
        flat = [index for index, one in enumerate(self.layers) if one in ("flatten", "global_average")]
        if len(flat) != 1:
            raise ValueError(f"layers: expected flatten or global_average once, got {len(flat)} of them")
        for index, one in enumerate(self.layers):
            if isinstance(one, DenseLayer) and index < flat[0]:
                raise ValueError(f"layers: dense {one.dense} comes before {self.layers[flat[0]]}")
            if isinstance(one, ConvLayer | PoolLayer) and index > flat[0]:
                raise ValueError(f"layers: a convolution or pooling comes after {self.layers[flat[0]]}")
        return self


class PythonConfig(_Config):
    """A Python file with ``build(input_shape, classes)``, which returns a Keras model."""

    kind: Literal["python"]
    file: str
    source_digest: str = Field(default="", description="SHA-256 of the file when the recipe was read")


ModelConfig = Annotated[
    SmallConfig | MobileNetConfig | ApplicationConfig | FeaturesConfig | StackConfig | PythonConfig,
    Field(discriminator="kind"),
]
