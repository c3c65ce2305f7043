"""An optimized trunk computes the same frames as the original."""

import copy

import pytest
import torch
from pyannote.audio.models.embedding.wespeaker.resnet import BasicBlock, Bottleneck, ResNet
from support.pipelines import as_if_trained
from torch import nn
from torch.nn import functional

from diarize_runner.diarization.trunk import OptimizedModel, optimize_trunk

CPU = torch.device("cpu")
FEATURES = torch.randn(2, 50, 16, generator=torch.Generator().manual_seed(0))


class IdentityFeatureModel(nn.Module):
    """A model that uses its input as features."""

    def __init__(self, trunk) -> None:
        super().__init__()
        self.resnet = trunk

    def compute_fbank(self, waveforms):
        return waveforms.clone()

    def forward_embedding(self, frames, weights):
        return self.resnet.forward_embedding(frames, weights=weights)[1]


class ReusingTrunk(nn.Module):
    """A trunk that reads the other operand of an addition again afterwards."""

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


def frames(model: OptimizedModel):
    with torch.inference_mode():
        return model.forward_frames(FEATURES)


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
def test_an_optimized_trunk_computes_the_same_frames(block):
    model = IdentityFeatureModel(resnet(block)).eval()
    with torch.inference_mode():
        expected = model.resnet.forward_frames(FEATURES.clone())

    found = frames(optimize_trunk(model, CPU))

    assert expected.std() > 0.1
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6 * float(expected.abs().max()))


def test_an_optimized_resnet_consists_of_fused_convolutions():
    trunk = optimize_trunk(IdentityFeatureModel(resnet(BasicBlock)).eval(), CPU).trunk
    called = [node.target for node in trunk.graph.nodes if node.op.startswith("call")]
    assert [name for name in called if not name.startswith("onednn_")] == ["permute", "unsqueeze_"]


def test_the_original_model_is_unchanged():
    model = IdentityFeatureModel(resnet(BasicBlock)).eval()
    before = copy.deepcopy(model.state_dict())
    frames(optimize_trunk(model, CPU))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_an_operand_that_is_read_later_is_not_overwritten():
    torch.manual_seed(0)
    trunk = ReusingTrunk().eval()
    with torch.inference_mode():
        expected = trunk.forward_frames(FEATURES)
    torch.testing.assert_close(frames(optimize_trunk(IdentityFeatureModel(trunk).eval(), CPU)), expected)


def test_batch_norm_is_folded_without_onednn(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    model = IdentityFeatureModel(resnet(BasicBlock)).eval()
    optimized = optimize_trunk(model, CPU)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in optimized.trunk.modules())
    with torch.inference_mode():
        torch.testing.assert_close(
            frames(optimized), model.resnet.forward_frames(FEATURES.clone()), rtol=1e-4, atol=1e-5
        )
