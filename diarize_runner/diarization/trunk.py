"""Optimize a convolutional network for one device; its output changes only by rounding.

In evaluation, batch norm is a multiplication and an addition, so it is folded into the convolution before it. On a CPU,
oneDNN fuses addition and ReLU into the convolution, where PyTorch reads and writes the whole result again for each; and
channels come last in memory, as oneDNN prefers.
The operators are those in torch.ops.mkldnn that TorchInductor compiles convolutions to, documented at
https://uxlfoundation.github.io/oneDNN/dev_guide_attributes_post_ops.html.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeGuard, runtime_checkable

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node
from torch.fx.experimental.optimization import fuse
from torch.fx.node import Argument
from torch.nn import functional


class Trunk(nn.Module):
    """A network from features to frames, such as pyannote's ResNet."""

    forward_frames: Callable[[Tensor], Tensor]


@runtime_checkable
class ResNetEmbeddingModel(Protocol):
    """A model with separate features, trunk and pooling, such as pyannote's WeSpeaker models."""

    resnet: Trunk

    def compute_fbank(self, waveforms: Tensor) -> Tensor:
        """Return features (batch, frames, bins) of waveforms (batch, 1, samples)."""

    def forward_embedding(self, frames: Tensor, weights: Tensor) -> Tensor:
        """Pool frames under weights (batch, slots, frames)."""


@runtime_checkable
class UtteranceEmbeddingModel(Protocol):
    """A model whose network processes the frames of one mask at a time, such as our CAM++."""

    network: nn.Module

    def forward_frames(self, waveforms: Tensor) -> Tensor:
        """Return features (batch, frames, bins) of waveforms (batch, 1, samples)."""

    def embed(self, network: nn.Module, features: Tensor, weights: Tensor) -> Tensor:
        """Embed features under weights (batch, slots, frames) with `network`."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class OptimizedEncoder:
    """A model with an optimized network that computes the same embeddings."""

    model: UtteranceEmbeddingModel
    network: nn.Module

    def forward_frames(self, waveforms: Tensor) -> Tensor:
        """Return features of waveforms (batch, 1, samples)."""
        return self.model.forward_frames(waveforms)

    def forward_embedding(self, frames: Tensor, weights: Tensor) -> Tensor:
        """Embed features under weights (batch, slots, frames) as (batch, slots, dimension)."""
        return self.model.embed(self.network, frames, weights)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class OptimizedModel:
    """A model with an optimized trunk that computes the same frames."""

    model: ResNetEmbeddingModel
    trunk: nn.Module

    def forward_frames(self, waveforms: Tensor) -> Tensor:
        """Encode waveforms (batch, 1, samples) into frames."""
        frames: Tensor = self.trunk(self.model.compute_fbank(waveforms))
        return frames

    def forward_embedding(self, frames: Tensor, weights: Tensor) -> Tensor:
        """Pool frames under weights (batch, slots, frames) into embeddings (batch, slots, dimension)."""
        return self.model.forward_embedding(frames, weights)


def optimize_trunk(model: ResNetEmbeddingModel, device: torch.device) -> OptimizedModel:
    """Return `model`, which is on `device`, with a copy of its trunk optimized for that device."""
    return OptimizedModel(model=model, trunk=optimize(_Frames(model.resnet), device))


def optimize_network(model: UtteranceEmbeddingModel, device: torch.device) -> OptimizedEncoder:
    """Return `model`, which is on `device`, with a copy of its network optimized for that device."""
    return OptimizedEncoder(model=model, network=optimize(model.network, device))


def optimize(network: nn.Module, device: torch.device) -> nn.Module:
    """Return a copy of `network`, which is on `device`, optimized for that device."""
    optimized: nn.Module = fuse(network.eval())
    onednn = device.type == "cpu" and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if onednn and isinstance(optimized, GraphModule):
        _use_onednn(optimized)
    return optimized


class _Frames(nn.Module):
    """The trunk's `forward_frames` as a module, which fx can trace."""

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(self, features: Tensor) -> Tensor:
        return self.trunk.forward_frames(features)


def _use_onednn(trunk: GraphModule) -> None:
    """Replace each convolution and the operations directly after it with one oneDNN operator."""
    convolutions = {name: layer for name, layer in trunk.named_modules() if isinstance(layer, nn.Conv2d)}
    for node in list(trunk.graph.nodes):
        if node.op == "call_module" and node.target in convolutions:
            _replace(trunk, node, convolutions[node.target])
    trunk.delete_all_unused_submodules()
    trunk.recompile()


def _replace(trunk: GraphModule, node: Node, convolution: nn.Conv2d) -> None:
    inputs, after = node.args[0], _sole_user(node)
    if _calls(after, functional.relu):
        _fuse_nodes(trunk, [node, after], _ConvReLU(convolution), inputs)
    elif _calls(after, operator.add) and _calls(last := _sole_user(after), functional.relu):
        added = [each for each in after.all_input_nodes if each is not node]
        if len(added) == 1 and all(user < last for user in added[0].users):  # it is overwritten
            _fuse_nodes(trunk, [node, after, last], _ConvAddReLU(convolution), inputs, *added)
    else:
        _fuse_nodes(trunk, [node], _Conv(convolution), inputs)


def _fuse_nodes(trunk: GraphModule, replaced: list[Node], layer: nn.Module, *inputs: Argument) -> None:
    last, name = replaced[-1], f"onednn_{replaced[0].name}"
    trunk.add_submodule(name, layer)
    with trunk.graph.inserting_after(last):
        last.replace_all_uses_with(trunk.graph.call_module(name, inputs))
    for node in reversed(replaced):
        trunk.graph.erase_node(node)


def _sole_user(node: Node) -> Node | None:
    return next(iter(node.users)) if len(node.users) == 1 else None


def _calls(node: Node | None, function: Callable[..., object]) -> TypeGuard[Node]:
    return node is not None and node.op == "call_function" and node.target is function


class _Conv(nn.Module):
    """A convolution."""

    post_op = "none"

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.geometry = (convolution.padding, convolution.stride, convolution.dilation, convolution.groups)
        self.weight = torch.ops.mkldnn._reorder_convolution_weight(convolution.weight.detach(), *self.geometry)  # noqa: SLF001
        self.bias = convolution.bias

    def forward(self, inputs: Tensor) -> Tensor:
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        convolve = torch.ops.mkldnn._convolution_pointwise  # noqa: SLF001
        result: Tensor = convolve(inputs, self.weight, self.bias, *self.geometry, self.post_op, [], "")
        return result


class _ConvReLU(_Conv):
    """A convolution followed by ReLU."""

    post_op = "relu"


class _ConvAddReLU(_Conv):
    """A convolution, an in-place addition to `added`, and ReLU."""

    def forward(self, inputs: Tensor, added: Tensor) -> Tensor:  # type: ignore[override]
        convolve = torch.ops.mkldnn._convolution_pointwise_.binary
        result: Tensor = convolve(added, inputs, self.weight, self.bias, *self.geometry, "add", 1.0, "relu", [], "")
        return result
