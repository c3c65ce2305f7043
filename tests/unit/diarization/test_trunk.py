"""A trunk made ready for a device makes the frames of the one it was made from."""

import copy

import pytest
import torch
from pyannote.audio.models.embedding.wespeaker.resnet import BasicBlock, Bottleneck, ResNet
from support.pipelines import as_if_trained
from torch import nn
from torch.nn import functional

from diarize_runner.diarization.trunk import Prepared, prepared

CPU = torch.device("cpu")
FEATURES = torch.randn(2, 50, 16, generator=torch.Generator().manual_seed(0))


class OnGivenFeatures(nn.Module):
    """A model whose features are what it is given."""

    def __init__(self, trunk) -> None:
        super().__init__()
        self.resnet = trunk

    def compute_fbank(self, waveforms):
        return waveforms.clone()

    def forward_embedding(self, frames, weights):
        return self.resnet.forward_embedding(frames, weights=weights)[1]


class Looking(nn.Module):
    """A trunk of one convolution whose result is added to what is looked at again afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(one, 4, 3, padding=1) for one in (1, 4))

    def forward_frames(self, features):
        first = self.first(features[:, None])
        second = functional.relu(self.second(first) + first)
        return second - first


def resnet(block):
    torch.manual_seed(0)
    return as_if_trained(ResNet(block, [2, 1, 1, 1], m_channels=4, feat_dim=16, embed_dim=8, two_emb_layer=False))


def frames(model: Prepared):
    with torch.inference_mode():
        return model.forward_frames(FEATURES)


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
def test_a_trunk_made_ready_makes_the_same_frames(block):
    model = OnGivenFeatures(resnet(block)).eval()
    with torch.inference_mode():
        expected = model.resnet.forward_frames(FEATURES.clone())

    found = frames(prepared(model, CPU))

    assert expected.std() > 0.1
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6 * float(expected.abs().max()))


def test_nothing_but_convolutions_is_left_of_a_resnet():
    trunk = prepared(OnGivenFeatures(resnet(BasicBlock)).eval(), CPU).trunk
    called = [node.target for node in trunk.graph.nodes if node.op.startswith("call")]
    assert [name for name in called if not name.startswith("onednn_")] == ["permute", "unsqueeze_"]


def test_the_model_itself_stays_as_it_was():
    model = OnGivenFeatures(resnet(BasicBlock)).eval()
    before = copy.deepcopy(model.state_dict())
    frames(prepared(model, CPU))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_what_is_still_needed_is_not_overwritten():
    torch.manual_seed(0)
    trunk = Looking().eval()
    with torch.inference_mode():
        expected = trunk.forward_frames(FEATURES)
    torch.testing.assert_close(frames(prepared(OnGivenFeatures(trunk).eval(), CPU)), expected)


def test_without_onednn_batch_norm_is_folded_all_the_same(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    model = OnGivenFeatures(resnet(BasicBlock)).eval()
    made = prepared(model, CPU)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in made.trunk.modules())
    with torch.inference_mode():
        torch.testing.assert_close(frames(made), model.resnet.forward_frames(FEATURES.clone()), rtol=1e-4, atol=1e-5)
