"""A convolutional trunk made ready for one device: what it computes stays the same but for rounding.

In evaluation, batch norm is a multiplication and an addition that the convolution before it can do by itself, and so it
is folded into that. On a CPU, oneDNN adds and rectifies while a convolution's result is still in registers, where
PyTorch reads and writes all of it once more for each; and channels lie last in memory, as oneDNN likes them.
The operators are those that TorchInductor compiles convolutions to, in torch.ops.mkldnn; what oneDNN says of them is at
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
class OnFeatures(Protocol):
    """A model that keeps features, trunk and pooling apart, such as pyannote's WeSpeaker models."""

    resnet: Trunk

    def compute_fbank(self, waveforms: Tensor) -> Tensor:
        """Return features (batch, frames, bins) of waveforms (batch, 1, samples)."""

    def forward_embedding(self, frames: Tensor, weights: Tensor) -> Tensor:
        """Pool frames under weights (batch, slots, frames)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Prepared:
    """A model with another trunk that makes the same frames."""

    model: OnFeatures
    trunk: nn.Module

    def forward_frames(self, waveforms: Tensor) -> Tensor:
        """Hear waveforms (batch, 1, samples)."""
        frames: Tensor = self.trunk(self.model.compute_fbank(waveforms))
        return frames

    def forward_embedding(self, frames: Tensor, weights: Tensor) -> Tensor:
        """Pool frames under weights (batch, slots, frames) into embeddings (batch, slots, dimension)."""
        return self.model.forward_embedding(frames, weights)


def prepared(model: OnFeatures, device: torch.device) -> Prepared:
    """Return `model`, which lies on `device`, with a copy of its trunk made ready for that."""
    trunk = fuse(_Frames(model.resnet).eval())
    onednn = device.type == "cpu" and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if onednn and isinstance(trunk, GraphModule):
        _use_onednn(trunk)
    return Prepared(model=model, trunk=trunk)


class _Frames(nn.Module):
    """The way from features to frames, as a module by itself: that is what fx can trace."""

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(self, features: Tensor) -> Tensor:
        return self.trunk.forward_frames(features)


def _use_onednn(trunk: GraphModule) -> None:
    """Replace each convolution, and what is done to its result at once, by an operator of oneDNN."""
    convolutions = {name: layer for name, layer in trunk.named_modules() if isinstance(layer, nn.Conv2d)}
    for node in list(trunk.graph.nodes):
        if node.op == "call_module" and node.target in convolutions:
            _replace(trunk, node, convolutions[node.target])
    trunk.delete_all_unused_submodules()
    trunk.recompile()


def _replace(trunk: GraphModule, node: Node, convolution: nn.Conv2d) -> None:
    heard, after = node.args[0], _sole_user(node)
    if _calls(after, functional.relu):
        _put(trunk, [node, after], _Rectified(convolution), heard)
    elif _calls(after, operator.add) and _calls(last := _sole_user(after), functional.relu):
        added = [each for each in after.all_input_nodes if each is not node]
        if len(added) == 1 and all(user < last for user in added[0].users):  # nobody needs it afterwards
            _put(trunk, [node, after, last], _AddedAndRectified(convolution), heard, *added)
    else:
        _put(trunk, [node], _Plain(convolution), heard)


def _put(trunk: GraphModule, replaced: list[Node], layer: nn.Module, *heard: Argument) -> None:
    last, name = replaced[-1], f"onednn_{replaced[0].name}"
    trunk.add_submodule(name, layer)
    with trunk.graph.inserting_after(last):
        last.replace_all_uses_with(trunk.graph.call_module(name, heard))
    for node in reversed(replaced):
        trunk.graph.erase_node(node)


def _sole_user(node: Node) -> Node | None:
    return next(iter(node.users)) if len(node.users) == 1 else None


def _calls(node: Node | None, function: Callable[..., object]) -> TypeGuard[Node]:
    return node is not None and node.op == "call_function" and node.target is function


class _Plain(nn.Module):
    """A convolution."""

    then = "none"

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.how = (convolution.padding, convolution.stride, convolution.dilation, convolution.groups)
        self.weight = torch.ops.mkldnn._reorder_convolution_weight(convolution.weight.detach(), *self.how)  # noqa: SLF001
        self.bias = convolution.bias

    def forward(self, heard: Tensor) -> Tensor:
        heard = heard.contiguous(memory_format=torch.channels_last)
        convolve = torch.ops.mkldnn._convolution_pointwise  # noqa: SLF001
        found: Tensor = convolve(heard, self.weight, self.bias, *self.how, self.then, [], "")
        return found


class _Rectified(_Plain):
    """A convolution, and ReLU."""

    then = "relu"


class _AddedAndRectified(_Plain):
    """A convolution, added to what becomes the result in its place, and ReLU."""

    def forward(self, heard: Tensor, added: Tensor) -> Tensor:  # type: ignore[override]
        convolve = torch.ops.mkldnn._convolution_pointwise_.binary
        found: Tensor = convolve(added, heard, self.weight, self.bias, *self.how, "add", 1.0, "relu", [], "")
        return found
