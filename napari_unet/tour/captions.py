"""What stands under the panels of a Look, and what an operation is called in the dock."""

from __future__ import annotations

from napari_unet.tour.words import Text

CAPTIONS: dict[str, Text] = {
    "image": Text("The image as the network sees it", "Network가 보는 영상"),
    "one_word": Text(
        "Classification: pneumonia {score:.0f} %, and nothing about where",
        "Classification: pneumonia {score:.0f} %, 위치는 모름",
    ),
    "one_mask": Text("Segmentation by {model} in {ms:.0f} ms", "Segmentation: {model}, {ms:.0f} ms"),
    "window_runs": Text(
        "Window by window: {done:,} of {total:,} after {seconds:.1f} s",
        "Window 하나씩: {seconds:.1f}초 후 {total:,}개 중 {done:,}개",
    ),
    "windows_at_once": Text(
        "The same network for all windows at once, by dilation: {ms:.0f} ms",
        "같은 network를 dilation으로 한꺼번에: {ms:.0f} ms",
    ),
    "unet_done": Text("{model}: done after {ms:.0f} ms", "{model}: {ms:.0f} ms 만에 끝"),
    "kernels_one": Text("Stream 1: its {first} kernels", "Stream 1의 kernel {first}개"),
    "stream_one": Text(
        "Stream 1: the maps of layer 2 that matter most", "Stream 1: layer 2의 중요한 feature map"
    ),
    "kernels_two": Text("Stream 2: its kernels", "Stream 2의 kernel"),
    "stream_two": Text("Stream 2: its maps of layer 2", "Stream 2: layer 2의 feature map"),
    "level": Text("{stage}: {maps} maps of {size}", "{stage}: {size} map {maps}개"),
    "decoded": Text("What the decoder draws from that ({model})", "Decoder가 여기서 그린 mask ({model})"),
    "patch": Text("Patch: what it reads", "Patch: 읽는 값"),
    "kernel": Text("Kernel: its weights", "Kernel: weight"),
    "products": Text(
        "Products: they add up to {part:.3f}; with all inputs ({inputs}) and the bias {sum:.3f}",
        "곱: 더하면 {part:.3f}; 입력 {inputs}개와 bias를 모두 더하면 {sum:.3f}",
    ),
    "map": Text(
        "Map {map} of {maps}: such a sum at every pixel", "Feature map {map}/{maps}: pixel마다 이런 합"
    ),
    "with_padding": Text("Mask with zero padding", "Zero padding을 쓴 mask"),
    "without_padding": Text(
        "Without padding, the border mirrored: Dice {dice:.3f}, boundary {distance:.1f} {unit}",
        "Padding 없이 가장자리를 mirror: Dice {dice:.3f}, 경계 {distance:.1f} {unit}",
    ),
    "kept": Text(
        "Without padding and mirror only this would be answered: {before} → {after}",
        "Padding도 mirror도 없으면 이만큼만 답함: {before} → {after}",
    ),
    "before_pooling": Text("{stage}, map {map}: {before}", "{stage}, map {map}: {before}"),
    "after_pooling": Text(
        "After max pooling: {after}, {left:.0f} % of the numbers",
        "Max pooling 후: {after}, 숫자의 {left:.0f} %",
    ),
    "four_numbers": Text("Numbers before", "Pooling 전의 숫자"),
    "largest": Text("The largest of each 2 × 2", "2 × 2마다 가장 큰 값"),
    "values_before": Text("A map before pooling: {before}", "Pooling 전의 map: {before}"),
    "values_pooled": Text("After max pooling: {pooled}", "Max pooling 후: {pooled}"),
    "values_back": Text(
        "After a transposed convolution: the size is back, the values are not ({error:.0f} % error)",
        "Transposed convolution 후: 크기는 돌아오고 값은 돌아오지 않음 (오차 {error:.0f} %)",
    ),
    "numbers_before": Text("Values before", "원래 값"),
    "numbers_pooled": Text("Pooled", "Pooling 후"),
    "numbers_back": Text(
        "“Returned”: one kernel, scaled by each value", "“되돌린” 값: kernel 하나에 값을 곱한 것"
    ),
    "checkerboard": Text(
        "The network's own enlarged map, closely: checkerboard {checkerboard:.0f} % of its contrast",
        "Network의 up-convolution map을 가까이서: checkerboard가 contrast의 {checkerboard:.0f} %",
    ),
    "from_encoder": Text("From the encoder: fine", "Encoder에서: 세밀함"),
    "from_below": Text("From below: sure, and coarse", "아래에서: 확실하지만 거침"),
    "with_skips": Text("Mask with all skip connections", "Skip connection이 모두 있는 mask"),
    "without_skip": Text(
        "Level {level} cut: Dice {dice:.3f}, boundary {distance:.1f} {unit}",
        "Level {level}을 끊음: Dice {dice:.3f}, 경계 {distance:.1f} {unit}",
    ),
    "without_skips": Text(
        "All cut: Dice {dice_all:.3f}, boundary {distance_all:.1f} {unit}",
        "모두 끊음: Dice {dice_all:.3f}, 경계 {distance_all:.1f} {unit}",
    ),
    "never_had_skips": Text("{model}, trained without any", "{model}: 처음부터 skip 없이 학습"),
    "network": Text(
        "{name}: {ms:.0f} ms, {parameters:,} numbers learned",
        "{name}: {ms:.0f} ms, 배운 숫자 {parameters:,}개",
    ),
    "network_word": Text(
        "{name}: {finding} {score:.0f} %, {ms:.0f} ms", "{name}: {finding} {score:.0f} %, {ms:.0f} ms"
    ),
    "x": Text("x, what comes in ({stage}, map {map})", "x: 입력 ({stage}, map {map})"),
    "f": Text("F(x), what the block has learned", "F(x): block이 배운 것"),
    "sum": Text("x + F(x), after ReLU", "x + F(x), ReLU 후"),
    "xray_mask": Text("X-ray: {model}, {ms:.0f} ms", "X-ray: {model}, {ms:.0f} ms"),
    "ct_mask": Text("CT: {model}, {ms:.0f} ms a slice", "CT: {model}, slice당 {ms:.0f} ms"),
    "finding": Text(
        "{model}: {finding} {score:.0f} %, and its heat map", "{model}: {finding} {score:.0f} %, 그 heat map"
    ),
}
"""By the names of panels (core.inside.Panel)."""

OPERATIONS: dict[str, Text] = {
    "convolution": Text("Convolution", "Convolution"),
    "padding": Text("Padding on and off", "Padding 켜고 끄기"),
    "pooling": Text("Max pooling", "Max pooling"),
    "deconvolution": Text("Transposed convolution", "Transposed convolution"),
    "skip": Text("Skip connection", "Skip connection"),
    "residual": Text("Residual block", "Residual block"),
    "latent": Text("Latent space", "Latent space"),
    "streams": Text("Two streams", "두 개의 stream"),
}
"""Names of the operations, in the order of the lecture."""

MISSING = Text(
    "Not in the library: {models}. What is shown is without it, or by the nearest model that is there.",
    "모델이 없습니다: {models}. 이 모델 없이, 또는 가장 가까운 다른 모델로 보여 줍니다.",
)

UNREAD = Text(
    "",
    "한국어 문장은 아직 한국인 의사가 읽고 확인하지 않았습니다.",
)
"""Of the Korean words."""

LINEAGE_TITLE = Text("The lineage on this image", "이 영상에서 본 계보")
PAGE_TITLE = Text("From classification to segmentation", "Classification에서 segmentation까지")
PAGE_PURPOSE = Text(
    "For teaching and research; not a medical device.", "교육과 연구용이며 의료기기가 아닙니다."
)
