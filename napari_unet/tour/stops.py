"""The ten stops in words: title and one plain sentence each. No Korean physician has read the Korean ones."""

from __future__ import annotations

from dataclasses import dataclass

from napari_unet.core.lineage import STOPS
from napari_unet.tour.words import Text


@dataclass(frozen=True)
class Stop:
    """name : one of STOPS. sentence : with the facts of its Look."""

    name: str
    title: Text
    sentence: Text

    @property
    def number(self) -> int:
        """From 1 on."""
        return STOPS.index(self.name) + 1


_WORDS: dict[str, tuple[Text, Text]] = {
    "word": (
        Text("One word against one mask", "단어 하나와 mask 하나"),
        Text(
            "Classification gives the whole picture one number (AlexNet, trained on children's X-rays "
            "for teaching: pneumonia {score:.0f} %, which says nothing about this patient); segmentation "
            "says for every pixel whether it is lung.",
            "Classification은 영상 전체에 숫자 하나만 답하고(소아 영상으로 학습한 교육용 AlexNet: pneumonia "
            "{score:.0f} %, 이 환자에 대한 판독이 아님), "
            "segmentation은 pixel마다 폐인지 아닌지를 답합니다.",
        ),
    ),
    "window": (
        Text("Cireşan 2012: a window for every pixel", "Ciresan 2012: pixel마다 window 하나"),
        Text(
            "The first answer was to classify the window around each pixel: {done:,} of {total:,} windows in "
            "{seconds:.1f} s, so about {minutes:.1f} minutes for all; the U-Net beside it is done.",
            "첫 번째 방법은 각 pixel 둘레의 window를 하나씩 classification하는 것이었습니다: "
            "{seconds:.1f}초 동안 "
            "{total:,}개 중 {done:,}개, 모두 하려면 약 {minutes:.1f}분이 걸리고, 옆의 U-Net은 이미 "
            "끝났습니다.",
        ),
    ),
    "streams": (
        Text("AlexNet 2012: two streams", "AlexNet 2012: 두 개의 stream"),
        Text(
            "AlexNet was cut into two halves because one graphics card was too small: each half looks with "
            "its own {first} kernels, and makes {maps} maps in layer 2 from its own half alone.",
            "AlexNet은 GPU 한 장에 들어가지 않아 둘로 나뉘었습니다: 각 stream은 자기 kernel {first}개로 "
            "영상을 보고, "
            "두 번째 layer에서는 자기 쪽 map만 읽어 feature map {maps}개를 만듭니다.",
        ),
    ),
    "latent": (
        Text("Encoder and latent space", "Encoder와 latent space"),
        Text(
            "The encoder turns {given:,} pixels into {maps} small maps of {size}, {numbers:,} numbers in "
            "all: "
            "they know what is there, and only roughly where.",
            "Encoder는 pixel {given:,}개를 {size} 크기의 feature map {maps}개, 모두 {numbers:,}개의 숫자로 "
            "바꿉니다: "
            "무엇이 있는지는 알지만, 어디에 있는지는 대략만 압니다.",
        ),
    ),
    "convolution": (
        Text("Convolution and padding", "Convolution과 padding"),
        Text(
            "A convolution multiplies a patch by a kernel, adds up, and adds a constant: here {part:.3f} and "
            "{bias:.3f} make {value:.3f}; without padding the picture would lose {lost} pixels at each side "
            "on its way through {unpadded}.",
            "Convolution은 patch와 kernel을 곱해서 모두 더하고 상수를 더합니다: 여기서는 {part:.3f}에 "
            "{bias:.3f}을(를) 더해 {value:.3f}; padding이 없으면 "
            "영상은 "
            "{unpadded}을(를) 지나면서 각 변에서 {lost} pixel씩 줄어듭니다.",
        ),
    ),
    "pooling": (
        Text("Pooling", "Pooling"),
        Text(
            "Max pooling keeps the largest of four numbers: {before} becomes {after}, and the next kernel "
            "sees twice as far.",
            "Max pooling은 숫자 네 개 중 가장 큰 것만 남깁니다: {before}에서 {after}(으)로 줄고, 다음 "
            "kernel은 두 배 "
            "넓게 봅니다.",
        ),
    ),
    "deconvolution": (
        Text("Deconvolution", "Deconvolution: Convolution의 역연산?"),
        Text(
            "A transposed convolution returns the size ({pooled} → {after}), not the values: what pooling "
            "threw away stays away (the two differ by {error:.0f} %).",
            "Transposed convolution은 “Convolution의 역연산”이라고 부르지만 크기만 되돌리고({pooled} → "
            "{after}) 값은 "
            "되돌리지 못합니다: pooling에서 버린 값은 돌아오지 않습니다(차이 {error:.0f} %).",
        ),
    ),
    "skip": (
        Text("Skip connections", "Skip connection"),
        Text(
            "Skip connections bring the fine maps of the encoder to the decoder: cut all {skips}, and the "
            "border of the mask moves by {distance_all:.1f} {unit} on average (Dice {dice_all:.3f}).",
            "Skip connection은 encoder의 세밀한 map을 decoder로 가져옵니다: {skips}개를 모두 끊으면 mask의 "
            "경계가 평균 "
            "{distance_all:.1f} {unit} 움직입니다(Dice {dice_all:.3f}).",
        ),
    ),
    "residual": (
        Text("Residual block", "Residual block"),
        Text(
            "A residual block learns only what to add to its input: x + F(x); here F(x) has "
            "{share:.0f} % of the size of the two.",
            "Residual block은 입력에 더할 것만 배웁니다: x + F(x); 여기서 두 값의 크기 중 F(x)가 "
            "{share:.0f} %입니다.",
        ),
    ),
    "use": (
        Text("What it is good for", "어디에 쓰는가"),
        Text(
            "The same idea finds the lungs in an X-ray and in CT: areas and volumes become numbers that a "
            "reader can check; it is for research and no medical device.",
            "같은 원리로 X-ray와 CT에서 폐를 찾습니다: 면적과 부피가 사람이 확인할 수 있는 숫자가 됩니다. "
            "연구용이며 "
            "의료기기가 아닙니다.",
        ),
    ),
}

TOUR: tuple[Stop, ...] = tuple(Stop(name, *_WORDS[name]) for name in STOPS)
"""All stops in their order."""
