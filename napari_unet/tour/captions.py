"""What stands under the panels of a Look, and words of the tour in the dock."""

from __future__ import annotations

from napari_unet.tour.words import Text

CAPTIONS: dict[str, Text] = {
    "image": Text("The image as the network sees it", "Network가 보는 영상"),
    "one_word": Text(
        "Classification: pneumonia {score:.0f} %, and nothing about where. Trained on children's X-rays, for "
        "teaching: no reading of this image",
        "Classification: pneumonia {score:.0f} %, 위치는 모름. 소아 영상으로 학습한 교육용 모델이며 이 "
        "영상의 판독이 아님",
    ),
    "one_mask": Text("Segmentation by {model} in {ms:.0f} ms", "Segmentation: {model}, {ms:.0f} ms"),
    "window_runs": Text(
        "Window by window: {done:,} of {total:,} after {seconds:.1f} s",
        "Window 하나씩: {seconds:.1f}초 후 {total:,}개 중 {done:,}개",
    ),
    "windows_at_once": Text(
        "The same network for all windows at once: {ms:.0f} ms. It was trained for minutes only",
        "같은 network로 모든 window를 한꺼번에: {ms:.0f} ms. 몇 분만 학습한 network임",
    ),
    "unet_done": Text("{model}: done after {ms:.0f} ms", "{model}: {ms:.0f} ms 만에 끝"),
    "kernels_one": Text(
        "Stream 1: its {first} kernels; after minutes of training they still look like noise",
        "Stream 1의 kernel {first}개; 몇 분만 학습해서 아직 noise처럼 보임",
    ),
    "stream_one": Text(
        "Stream 1: of its {maps} maps in layer 2, the {shown} that matter most",
        "Stream 1: layer 2의 map {maps}개 중 중요한 {shown}개",
    ),
    "kernels_two": Text("Stream 2: its {first} kernels", "Stream 2의 kernel {first}개"),
    "stream_two": Text(
        "Stream 2: of its {maps} maps in layer 2, the {shown} that matter most",
        "Stream 2: layer 2의 map {maps}개 중 중요한 {shown}개",
    ),
    "level": Text("{stage}: {maps} maps of {size}", "{stage}: {size} map {maps}개"),
    "decoded": Text("What the decoder draws from that ({model})", "Decoder가 여기서 그린 mask ({model})"),
    "patch": Text("Patch: what it reads", "Patch: 읽는 값"),
    "kernel": Text("Kernel: its weights", "Kernel: weight"),
    "kernel_folded": Text(
        "Kernel: its weights, with the batch normalisation multiplied in, as in the bias",
        "Kernel: batch normalization을 곱해 넣은 weight (bias도 같음)",
    ),
    "products": Text(
        "Products: they add up to {part:.3f}. With all inputs (here {inputs}) and the bias of {bias:.3f}: "
        "{sum:.3f}",
        "곱: 더하면 {part:.3f}. 입력 {inputs}개를 모두 더하고 bias({bias:.3f})를 더하면 {sum:.3f}",
    ),
    "map": Text(
        "Map {map} of {maps}: such a sum at every pixel", "Feature map {map}/{maps}: pixel마다 이런 합"
    ),
    "with_padding": Text("Mask with zero padding ({network})", "Zero padding을 쓴 mask ({network})"),
    "without_padding": Text(
        "Without padding, the border mirrored: Dice {dice:.3f}, boundary {distance:.1f} {unit}",
        "Padding 없이 가장자리를 mirror: Dice {dice:.3f}, 경계 {distance:.1f} {unit}",
    ),
    "kept": Text(
        "Without padding and mirror only this would be answered: {before} → {after}",
        "Padding도 mirror도 없으면 이만큼만 답함: {before} → {after}",
    ),
    "before_pooling": Text(
        "{network}, {stage}, map {map}: {before}", "{network}, {stage}, map {map}: {before}"
    ),
    "after_pooling": Text(
        "After max pooling: {after}, {left:.0f} % of the numbers",
        "Max pooling 후: {after}, 숫자의 {left:.0f} %",
    ),
    "four_numbers": Text("Numbers before", "Pooling 전의 숫자"),
    "largest": Text("The largest of each 2 × 2", "2 × 2마다 가장 큰 값"),
    "values_before": Text(
        "A map of {network}, {stage}: {before}; in the same greys as the one that comes back",
        "{network}의 map, {stage}: {before}; 되돌린 map과 밝기 척도가 같음",
    ),
    "values_convolved": Text(
        "After a convolution with stride 2: {convolved}, a quarter of the numbers; in greys of its own",
        "Stride 2 convolution 후: {convolved}, 숫자는 4분의 1; 밝기 척도는 따로",
    ),
    "values_back": Text(
        "After the transposed convolution with the same kernel: the size is back, the values are not; they "
        "differ by {error:.0f} %",
        "같은 kernel로 transposed convolution을 한 후: 크기는 돌아오고 값은 돌아오지 않음 "
        "(차이 {error:.0f} %)",
    ),
    "numbers_before": Text("Some of its values", "Map의 값 일부"),
    "numbers_convolved": Text(
        "Convolved: each block of 2 × 2 times the kernel, added up",
        "Convolution: 2 × 2마다 kernel을 곱해서 더한 값",
    ),
    "numbers_back": Text(
        "Transposed: each of these sums times the kernel",
        "Transposed convolution: 그 합마다 kernel을 곱한 값",
    ),
    "up_kernel": Text(
        "The kernel: of the {kernels} of this up-convolution the one that brings this map back best, scaled "
        "for the smallest difference; half of them leave {median:.0f} % or more",
        "Kernel: 이 up-convolution의 {kernels}개 중 이 map이 가장 잘 돌아오는 것, 차이가 가장 작도록 scale을 "
        "맞춤; 절반은 차이가 {median:.0f} % 이상",
    ),
    "checkerboard": Text(
        "The network's own enlarged map, closely: a checkerboard pattern is {checkerboard:.0f} % of its "
        "contrast",
        "Network의 up-convolution map을 가까이서: checkerboard 무늬가 contrast의 {checkerboard:.0f} %",
    ),
    "from_encoder": Text("From the encoder: fine", "Encoder에서: 세밀함"),
    "from_below": Text("From below: sure, and coarse", "아래에서: 확실하지만 거침"),
    "with_skips": Text(
        "{network}: mask with all skip connections", "{network}: skip connection이 모두 있는 mask"
    ),
    "without_skip": Text(
        "Skip of level {level} cut (1 is the finest): Dice {dice:.3f} (1: the same mask), boundary moved by "
        "{distance:.1f} {unit}; white: with it",
        "Level {level}(1이 가장 세밀함)의 skip을 끊음: Dice {dice:.3f}(1이면 같은 mask), 경계 이동 "
        "{distance:.1f} {unit}; 흰색: 끊기 전",
    ),
    "without_skips": Text(
        "All cut: Dice {dice_all:.3f}, boundary moved by {distance_all:.1f} {unit}; white: with them",
        "모두 끊음: Dice {dice_all:.3f}, 경계 이동 {distance_all:.1f} {unit}; 흰색: 끊기 전",
    ),
    "never_had_skips": Text("{model}, trained without any", "{model}: 처음부터 skip 없이 학습"),
    "network": Text(
        "{name}: {ms:.0f} ms, {parameters:,} parameters",
        "{name}: {ms:.0f} ms, parameter {parameters:,}개",
    ),
    "network_word": Text(
        "{name}: {finding} {score:.0f} % (no reading of this image), {ms:.0f} ms",
        "{name}: {finding} {score:.0f} %(이 영상의 판독이 아님), {ms:.0f} ms",
    ),
    "x": Text(
        "x, what comes in, after the shortcut's 1 × 1 convolution ({network}, {stage}, map {map}); all three "
        "in the same greys",
        "x: 입력, shortcut의 1 × 1 convolution을 거침 ({network}, {stage}, map {map}); 세 영상의 밝기 척도는 "
        "같음",
    ),
    "f": Text("F(x), what the block has learned to add", "F(x): block이 더하도록 배운 것"),
    "sum": Text(
        "x + F(x), with all that is below 0 set to 0 (ReLU)", "x + F(x), 0보다 작은 값은 0으로 (ReLU)"
    ),
    "xray_mask": Text(
        "X-ray: {model}, {ms:.0f} ms; lungs {area:.0f} cm²", "X-ray: {model}, {ms:.0f} ms; 폐 {area:.0f} cm²"
    ),
    "xray_mask_share": Text(
        "X-ray: {model}, {ms:.0f} ms; lungs {share:.0f} % of the picture",
        "X-ray: {model}, {ms:.0f} ms; 폐가 영상의 {share:.0f} %",
    ),
    "ct_mask": Text(
        "CT: {model}, {ms:.0f} ms a slice; lungs {area:.0f} cm² in this slice",
        "CT: {model}, slice당 {ms:.0f} ms; 이 slice의 폐 {area:.0f} cm²",
    ),
    "ct_mask_share": Text(
        "CT: {model}, {ms:.0f} ms a slice; lungs {share:.0f} % of this slice",
        "CT: {model}, slice당 {ms:.0f} ms; 폐가 이 slice의 {share:.0f} %",
    ),
    "finding": Text(
        "{model}: {finding} {score:.0f} of 100, and where the score comes from. For research; no diagnosis",
        "{model}: {finding} 100점 중 {score:.0f}점, 점수가 나온 곳. 연구용이며 진단이 아님",
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

UNALTERED = Text("{network}, unaltered", "{network}, 바꾸지 않은 상태")
"""Of the network in pictures that do not follow what is cut and silenced."""

MISSING = Text(
    "Not in the library: {models}. What is shown is without it, or by the nearest model that is there.",
    "모델이 없습니다: {models}. 이 모델 없이, 또는 가장 가까운 다른 모델로 보여 줍니다.",
)

UNREAD = Text(
    "",
    "한국어 문장은 아직 한국인 의사가 읽고 확인하지 않았습니다.",
)
"""Of the Korean words."""

BEGIN = Text("Begin the tour (Alt+→)", "Tour 시작 (Alt+→)")
BACK = Text("Back (Alt+←)", "이전 (Alt+←)")
NEXT = Text("Next (Alt+→)", "다음 (Alt+→)")
LEAVE = Text("Leave the tour (Alt+E)", "Tour 끝내기 (Alt+E)")
INTRO = Text(
    "Ten stops from classification to segmentation, on the chosen X-ray. For the lecture's image: "
    "File ▸ Open Sample ▸ U‑Net Lung ▸ Chest X-ray 2 (PA).",
    "선택한 X-ray에서 classification부터 segmentation까지 열 단계를 봅니다. 강의에 쓰인 영상: "
    "File ▸ Open Sample ▸ U‑Net Lung ▸ Chest X-ray 2 (PA).",
)
"""Of the tour in the dock."""

LINEAGE_TITLE = Text("The lineage on this image", "이 영상으로 비교한 network들")
PAGE_TITLE = Text("From classification to segmentation", "Classification에서 segmentation까지")
PAGE_PURPOSE = Text(
    "For teaching and research; not a medical device.", "교육과 연구용이며 의료기기가 아닙니다."
)
