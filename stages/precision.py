"""In what numbers networks compute."""

from typing import Literal

import torch

Precision = Literal["fp32", "bf16"]


def choose_precision(wanted: Literal["auto"] | Precision, device: torch.device) -> Precision:
    """`auto` is bf16 where the processor or the GPU computes in it: elsewhere it would be emulated, slowly."""
    if wanted != "auto":
        return wanted
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    able = torch.cpu.get_capabilities()
    return "bf16" if able.get("avx512_bf16") or able.get("amx_bf16") else "fp32"
