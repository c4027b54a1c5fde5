"""Synthetic faces, live and attacked, seen through a simulated camera.

from pathlib import Path
from lifesign_training.synth import SynthOptions, generate

summary = generate(Path("faces"), SynthOptions(subjects=10, size=64, workers=2))
"""

from lifesign_training.synth.dataset import SynthSummary, generate
from lifesign_training.synth.options import SPECIES, SynthOptions
from lifesign_training.synth.plan import PlanRow
from lifesign_training.synth.render import render_image

__all__ = ["SPECIES", "PlanRow", "SynthOptions", "SynthSummary", "generate", "render_image"]
