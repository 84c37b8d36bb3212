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
            "Classification says one word about the whole picture, with a score (AlexNet, trained on "
            "children's X-rays for teaching: pneumonia {score:.0f} %, which says nothing about this "
            "patient); segmentation says for every pixel whether it is lung.",
            "Classification은 영상 전체에 단어 하나와 점수로만 답하고(소아 영상으로 학습한 교육용 "
            "AlexNet: pneumonia {score:.0f} %, 이 환자에 대한 판독이 아님), segmentation은 pixel마다 "
            "폐인지 아닌지를 답합니다.",
        ),
    ),
    "window": (
        Text("Cireşan 2012: a window for every pixel", "Cireşan 2012: pixel마다 window 하나"),
        Text(
            "Cireşan 2012 classified the window around each pixel by itself: here {done:,} of {total:,} "
            "windows in {seconds:.1f} s, so about {minutes:.1f} minutes for all; the U-Net beside it is "
            "done.",
            "Cireşan 2012는 각 pixel 주변의 window를 하나씩 classification했습니다: 여기서는 "
            "{seconds:.1f}초 동안 {total:,}개 중 {done:,}개를 처리했으므로 모두 하려면 약 {minutes:.1f}분이 "
            "걸리고, 옆의 U-Net은 이미 끝났습니다.",
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
            "A convolution multiplies a patch by a kernel, adds up, and adds a bias: in {network}, "
            "{total:.3f} and a bias of {bias:.3f} make {value:.3f}. Without padding, the picture would lose "
            "{lost} pixels at each side on its way through {unpadded}.",
            "Convolution은 patch와 kernel을 곱해서 모두 더한 뒤 bias를 더합니다: 예를 들어 "
            "{network}에서는 {total:.3f}에 bias({bias:.3f})를 더하면 {value:.3f}입니다. Padding이 없으면 "
            "영상은 {unpadded} 통과 후 각 변에서 {lost} pixel씩 줄어듭니다.",
        ),
    ),
    "pooling": (
        Text("Pooling", "Pooling"),
        Text(
            "Max pooling keeps the largest of four numbers: {before} becomes {after}, and the next kernel "
            "sees twice as far.",
            "Max pooling은 숫자 네 개 중 가장 큰 것만 남깁니다: 크기가 절반으로 줄고({before} → "
            "{after}), 다음 kernel은 두 배 넓게 봅니다.",
        ),
    ),
    "deconvolution": (
        Text("Deconvolution", "Deconvolution: Convolution의 역연산?"),
        Text(
            "A transposed convolution is often called the inverse of a convolution, but it returns the "
            "size ({convolved} → {after}), not the values: after a convolution with stride 2 and the "
            "transposed one with the same kernel, the map has changed by {error:.0f} %, and that is with "
            "the best of {kernels} kernels of {network}.",
            "Transposed convolution은 흔히 “Convolution의 역연산”이라고 불리지만 크기만 "
            "되돌리고({convolved} → {after}) 값은 되돌리지 못합니다: stride 2 convolution 후에 같은 "
            "kernel로 transposed convolution을 하면, {network}의 kernel {kernels}개 중 가장 잘 맞는 것을 "
            "써도 원래 map과 {error:.0f} % 차이가 납니다.",
        ),
    ),
    "skip": (
        Text("Skip connections", "Skip connection"),
        Text(
            "Skip connections bring the fine maps of the encoder to the decoder: cut all {skips}, and the "
            "border of the mask moves by {distance_all:.1f} {unit} on average (Dice {dice_all:.3f}).",
            "Skip connection은 encoder의 세밀한 map을 decoder로 전달합니다: {skips}개를 모두 끊으면 "
            "mask의 경계가 평균 {distance_all:.1f} {unit} 움직입니다(Dice {dice_all:.3f}).",
        ),
    ),
    "residual": (
        Text("Residual block", "Residual block"),
        Text(
            "A residual block learns only what to add to its input: x + F(x). In the map shown, F(x) is "
            "{ratio:.2f} times as large as x.",
            "Residual block은 입력에 더할 것만 배웁니다: x + F(x). 여기 보이는 map에서 F(x)의 크기는 x의 "
            "{ratio:.2f}배입니다.",
        ),
    ),
    "use": (
        Text("What it is good for", "어디에 쓰는가"),
        Text(
            "Networks like these find the lungs in an X-ray and in a slice of CT: an area is a number that "
            "a reader can check against the picture, the score of a finding is not. For research; not a "
            "medical device.",
            "같은 원리로 X-ray와 CT slice에서 폐를 찾습니다: 면적은 판독자가 영상과 비교해 확인할 수 "
            "있는 숫자이지만, finding의 점수는 그렇게 확인할 수 없습니다. 연구용이며 의료기기가 아닙니다.",
        ),
    ),
}

TOUR: tuple[Stop, ...] = tuple(Stop(name, *_WORDS[name]) for name in STOPS)
"""All stops in their order."""
