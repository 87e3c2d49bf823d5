"""Animations of a training: frames as PNG files, and GIFs made from them."""

import math
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gan_utils import images as image_tools
from gan_utils.io import whole_file


def keep_frames(count: int) -> list[int]:
    """Choose the frames of an animation: many of the early epochs, few of the late ones.

    Args:
        count: Number of frames, at least 0.

    Returns:
        The positions i, in order, at which round(2 * sqrt(i)) grows, and position 0.

    Raises:
        ValueError: `count` is negative.
    """
    if count < 0:
        raise ValueError(f"keep_frames: count is {count}; it cannot be negative.")
    marks = [round(2 * math.sqrt(position)) for position in range(count)]
    return [i for i in range(count) if i == 0 or marks[i] > marks[i - 1]]


def write_frame(frame: np.ndarray, path: Path) -> None:
    """Write a frame as a PNG.

    Args:
        frame: (height, width, 1 or 3) uint8 in [0, 255].
        path: The file to write.

    Raises:
        OSError: The file cannot be written; an older file stays as it is.
    """
    import imageio.v3 as imageio

    picture = frame[..., 0] if frame.shape[-1] == 1 else frame
    content = imageio.imwrite("<bytes>", picture, extension=".png")
    with whole_file(path) as temporary:
        temporary.write_bytes(content)


def read_frames(paths: Sequence[Path]) -> list[np.ndarray]:
    """Read frames that an earlier part of a run has written.

    Args:
        paths: In order; those that do not exist are left out.

    Returns:
        Frames (height, width, 1 or 3) uint8 in [0, 255].

    Warns:
        UserWarning: A damaged file, which is left out.
    """
    import imageio.v3 as imageio

    frames = []
    for path in paths:
        if not path.is_file():
            continue
        try:
            frame = imageio.imread(path)
            frames.append(frame.reshape(*frame.shape[:2], -1))
        except Exception as error:  # a damaged image can raise nearly anything
            reason = str(error).split("\n", 1)[0]
            warnings.warn(f"{path} is left out of the animation: {reason}", stacklevel=2)
    return frames


def save_gif(
    frames: Sequence[np.ndarray],
    path: str | Path,
    *,
    seconds: float = 0.2,
    loop: int = 0,
    width: int = 360,
) -> Path:
    """Write an animated GIF; its last frame is shown for at least 1.5 s.

    Args:
        frames: Images of one shape, (height, width, 1 or 3) uint8 in [0, 255].
        path: A file that ends in .gif; its folder is made if need be.
        seconds: Time that a frame is shown.
        loop: How often the animation plays, 0 for endlessly.
        width: Least width in pixels: smaller frames are enlarged by a whole factor, so that each
            pixel stays a square.

    Returns:
        The path.

    Raises:
        ValueError: There is no frame, the frames are not such images, `path` does not end in .gif,
            or a number is out of range.
        OSError: The file cannot be written; an older file stays as it is.
    """
    import imageio.v3 as imageio

    path = Path(path)
    if path.suffix.lower() != ".gif":
        raise ValueError(f"save_gif: {path.name} must end in .gif.")
    if seconds <= 0 or loop < 0 or width < 1:
        raise ValueError(f"save_gif: seconds={seconds}, loop={loop} or width={width} is too small.")
    stack = _enlarge(_stack_frames(frames), width)
    duration = _durations(len(stack), seconds)
    # In memory first: a writer that a full disk has stopped would try again at the end.
    content = imageio.imwrite(
        "<bytes>", list(stack), extension=".gif", duration=duration, loop=loop
    )
    with whole_file(path) as temporary:
        temporary.write_bytes(content)
    return path


def _durations(count: int, seconds: float) -> int | list[int]:
    """Return milliseconds of each frame: for a single one, a number, as Pillow wants it."""
    milliseconds = round(1000 * seconds)
    last = max(milliseconds, 1500)
    return [milliseconds] * (count - 1) + [last] if count > 1 else last


def _enlarge(stack: np.ndarray, width: int) -> np.ndarray:
    factor = math.ceil(width / stack.shape[2])
    return stack.repeat(factor, axis=1).repeat(factor, axis=2)


def _stack_frames(frames: Sequence[np.ndarray]) -> np.ndarray:
    shapes = sorted({np.shape(frame) for frame in frames})
    if len(shapes) != 1:
        raise ValueError(f"save_gif: needs frames of one shape, but got {shapes or 'no frame'}.")
    stack = image_tools.check_images(np.stack(frames), "frames")
    if stack.dtype != np.uint8:
        raise ValueError(f"save_gif: frames are {stack.dtype}; convert them with images.to_uint8.")
    return stack[..., 0] if stack.shape[-1] == 1 else stack
