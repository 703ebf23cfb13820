"""Losses of torch and auraloss in flamo's training."""

import auraloss
import pytest
import torch
from torch import nn

import flamo
from flamo import ChannelsFirst, dsp

T = 2048
TORCH = [nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss]
SIGNALS = [
    auraloss.time.ESRLoss,
    auraloss.time.DCLoss,
    auraloss.time.LogCoshLoss,
    auraloss.time.SNRLoss,
    auraloss.time.SDSDRLoss,
    auraloss.freq.STFTLoss,
    lambda: auraloss.freq.MultiResolutionSTFTLoss([256, 512], [64, 128], [256, 512]),
    lambda: auraloss.freq.RandomResolutionSTFTLoss(max_fft_size=1024),
]


def trained(criterion, channels):
    gain = dsp.Gain((channels, 1), nfft=T, requires_grad=True)
    net = flamo.Shell(gain, dsp.FFT(T), dsp.iFFT(T))
    trainer = flamo.Trainer(net, max_epochs=4, lr=0.05, patience=9)
    trainer.register_criterion(criterion)
    trainer.train([(torch.randn(2, T, 1), torch.randn(2, T, channels))])
    return trainer.train_loss


@pytest.mark.parametrize("criterion", TORCH)
@pytest.mark.parametrize("channels", [1, 2])
def test_a_loss_of_torch_trains(criterion, channels):
    losses = trained(criterion(), channels)
    assert losses[-1] < losses[0]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("build", SIGNALS)
@pytest.mark.parametrize("channels", [1, 2])
def test_a_loss_of_auraloss_trains(build, channels):
    losses = trained(ChannelsFirst(build()), channels)
    assert all(torch.tensor(losses).isfinite())
    assert len(set(losses)) == 4


@pytest.mark.parametrize(
    "criterion",
    [
        flamo.mss_loss([256, 512], form="magenta"),
        flamo.mel_mss_loss([256, 512]),
        flamo.edc_loss(),
        flamo.edr_loss(),
    ],
    ids=lambda criterion: type(criterion).__name__,
)
def test_ours_train_in_the_same_place(criterion):
    losses = trained(criterion, 2)
    assert losses[-1] != losses[0]


def test_channels_come_before_time():
    x, y = torch.randn(2, T, 2), torch.randn(2, T, 2)
    alone = [auraloss.time.ESRLoss()(x[..., n][:, None], y[..., n][:, None]) for n in range(2)]
    torch.testing.assert_close(ChannelsFirst(auraloss.time.ESRLoss())(x, y), torch.stack(alone).mean())
