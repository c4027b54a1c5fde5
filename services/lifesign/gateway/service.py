"""From image bytes to a decision, through the model server."""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lifesign.client import AsyncPredictionClient, Prediction
from lifesign.errors import (
    ContractError,
    DeadlineError,
    InputError,
    LifesignError,
    NotReadyError,
    UpstreamError,
)
from lifesign.gateway.cards import CardShelf
from lifesign.gateway.instruments import GatewayInstruments
from lifesign.gateway.pictures import Picture, Quality, judge_quality, take_picture
from lifesign.gateway.rejections import InvalidFieldError
from lifesign.model_card import ModelCard, OperatingPoint
from lifesign.preprocessing import ImageLimits, PreprocessingSpec, prepare_image

__all__ = ["Assessment", "Job", "LivenessService"]

_ATTEMPTS = 3


@dataclass(frozen=True)
class Job:
    """One request: its id, its end on ``time.monotonic``, and the threshold asked for."""

    request_id: str
    deadline: float
    threshold_id: str | None = None


@dataclass(frozen=True)
class Assessment:
    """What is known about one image; ``score`` is P(bona fide), ``None`` where it was not evaluated."""

    decision: Literal["bona_fide", "attack", "not_evaluated"]
    score: float | None
    point: OperatingPoint | None
    quality: Quality
    card: ModelCard
    picture: Picture
    inference_seconds: float | None


class LivenessService:
    """Decides whether images show a live face; one per process, used from one event loop."""

    def __init__(
        self,
        client: AsyncPredictionClient,
        cards: CardShelf,
        *,
        model: str,
        instruments: GatewayInstruments,
        decoders: Executor,
        limits: ImageLimits,
        min_image_side: int,
    ) -> None:
        self.model = model
        self.client = client
        self._cards = cards
        self._instruments = instruments
        self._decoders = decoders
        self._limits = limits
        self._min_side = min_image_side
        self._version: int | None = None

    async def current_card(self, *, timeout_seconds: float) -> ModelCard:
        """Ask the server which versions it serves, and return the card of the highest.

        Raises:
            NotReadyError: no version is AVAILABLE, or its card is missing.
        """
        statuses = await self.client.status(timeout_seconds=timeout_seconds)
        available = [item.version for item in statuses if item.state == "AVAILABLE"]
        if not available:
            states = ", ".join(f"{item.version} {item.state}" for item in statuses) or "none"
            raise NotReadyError(
                f"no version of {self.model!r} is AVAILABLE; versions: {states}", code="UNAVAILABLE"
            )
        card = self._cards.card(max(available))
        self._version = card.version
        return card

    def card(self, version: int) -> ModelCard:
        """Return the card of a version; raises what ``CardShelf.card`` raises."""
        return self._cards.card(version)

    async def assess(
        self, images: Sequence[bytes | InputError], job: Job
    ) -> list[Assessment | LifesignError]:
        """Return one assessment, or the reason why there is none, for every image in order.

        Raises:
            LifesignError: nothing can be said about any of them.
        """
        try:
            async with asyncio.timeout(job.deadline - time.monotonic()):
                return await self._assess(images, job)
        except TimeoutError:
            raise DeadlineError("no answer within the request's time", code="DEADLINE_EXCEEDED") from None

    async def _assess(
        self, images: Sequence[bytes | InputError], job: Job
    ) -> list[Assessment | LifesignError]:
        card = await self._expected_card(job)
        _point(card, job.threshold_id)
        taken = await asyncio.gather(*(self._picture(data, card.preprocessing) for data in images))
        pictures = {index: item for index, item in enumerate(taken) if isinstance(item, Picture)}
        scorable = {index: item for index, item in pictures.items() if not self._is_rejected(item, card)}
        started = time.monotonic()
        scores: dict[int, float] = {}
        if scorable:
            prediction, card = await self._predict(list(scorable.values()), card, job)
            column = prediction.scores[:, card.bona_fide_index]
            scores = dict(zip(scorable, map(float, column), strict=True))
        seconds = time.monotonic() - started
        point = _point(card, job.threshold_id)
        return [
            self._assessment(item, scores.get(index), card, point, seconds)
            if isinstance(item, Picture)
            else item
            for index, item in enumerate(taken)
        ]

    async def _expected_card(self, job: Job) -> ModelCard:
        if self._version is None:
            return await self.current_card(timeout_seconds=job.deadline - time.monotonic())
        return self._cards.card(self._version)

    async def _picture(self, data: bytes | InputError, spec: PreprocessingSpec) -> Picture | LifesignError:
        loop = asyncio.get_running_loop()
        try:
            if isinstance(data, InputError):
                raise data
            return await loop.run_in_executor(
                self._decoders, take_picture, data, self._limits, spec, time.monotonic()
            )
        except InputError as error:
            return error

    def _is_rejected(self, picture: Picture, card: ModelCard) -> bool:
        return self._quality(picture, card).verdict == "reject"

    def _quality(self, picture: Picture, card: ModelCard) -> Quality:
        return judge_quality(picture.decoded, card.preprocessing, min_side=self._min_side)

    async def _predict(
        self, pictures: list[Picture], card: ModelCard, job: Job
    ) -> tuple[Prediction, ModelCard]:
        """Return the scores and the card of the version that answered.

        Which version answers is the server's choice. If it was prepared for another, its pixels may be
        wrong, so they are prepared again and sent again.
        """
        pixels = np.stack([picture.pixels for picture in pictures])
        for _ in range(_ATTEMPTS):
            try:
                prediction = await self._call(pixels, job)
                answered = self._cards.card(prediction.version)
            except UpstreamError as error:
                # A new version with another input size refuses pixels made for the old one.
                if error.code != "INVALID_ARGUMENT":
                    raise
                answered = await self.current_card(timeout_seconds=job.deadline - time.monotonic())
                if answered.version == card.version:
                    raise
            else:
                self._version = answered.version
                if answered.preprocessing == card.preprocessing:
                    _check_scores(prediction, len(pictures), answered)
                    return prediction, answered
            card = answered
            pixels = await self._prepare_again(pictures, card.preprocessing)
        raise NotReadyError(f"the version of {self.model!r} kept changing", code="UNAVAILABLE")

    async def _call(self, pixels: NDArray[np.uint8], job: Job) -> Prediction:
        started = time.monotonic()
        try:
            return await self.client.predict(
                pixels,
                timeout_seconds=max(0.001, job.deadline - started),
                metadata=(("x-request-id", job.request_id),),
            )
        except UpstreamError as error:
            self._instruments.backend_errors.labels(grpc_code=error.code).inc()
            raise
        finally:
            self._instruments.backend_duration.labels(model=self.model).observe(time.monotonic() - started)

    async def _prepare_again(self, pictures: list[Picture], spec: PreprocessingSpec) -> NDArray[np.uint8]:
        loop = asyncio.get_running_loop()
        return np.stack(
            await asyncio.gather(
                *(
                    loop.run_in_executor(self._decoders, prepare_image, picture.decoded, spec)
                    for picture in pictures
                )
            )
        )

    def _assessment(
        self,
        picture: Picture,
        score: float | None,
        card: ModelCard,
        point: OperatingPoint | None,
        seconds: float,
    ) -> Assessment:
        quality = self._quality(picture, card)
        if score is None or point is None:
            decision: Literal["bona_fide", "attack", "not_evaluated"] = "not_evaluated"
        else:
            decision = "bona_fide" if score >= point.threshold else "attack"
        self._instruments.predictions.labels(
            model=card.name, model_version=str(card.version), predicted=decision
        ).inc()
        if score is not None:
            self._instruments.score.labels(model=card.name).observe(score)
        elapsed = None if score is None else seconds
        return Assessment(decision, score, point, quality, card, picture, elapsed)


def _point(card: ModelCard, threshold_id: str | None) -> OperatingPoint | None:
    try:
        return card.operating_point(threshold_id)
    except ContractError as error:
        raise InvalidFieldError(f"threshold_id: {error}") from None


def _check_scores(prediction: Prediction, count: int, card: ModelCard) -> None:
    expected = (count, len(card.class_names))
    if prediction.scores.shape != expected:
        raise ContractError(f"expected scores of shape {expected}, got {prediction.scores.shape}")
    if not np.isfinite(prediction.scores).all():
        raise ContractError(f"version {card.version} of {card.name!r} answered scores that are not finite")
