"""Attention in which each token sees what comes before it in its own row, and nothing else.

On a CPU it is written out: the library's own kernel is two to three times slower in bfloat16 on
rows of up to some hundred tokens, and cannot cap scores. On a GPU the flash kernel for rows of
many lengths does it.

Axes in names: N tokens, T tokens of a row, H query heads, K heads of keys and values, G = H / K,
D size of a head.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F

TILE = 128
"""Queries taken together; keys after the last of them are not looked at."""
KEPT_TOKENS = 512
"""Of rows up to this long the weights are kept for the way back; of longer ones, whose weights grow
with the square, they are computed again."""
HIDDEN = -1e9
"""Added to the score of what may not be seen; finite, so that no difference is undefined."""


@dataclass(frozen=True)
class How:
    """What a layer's attention is like."""

    scale: float
    """Factor of the scores."""
    window: int | None = None
    """How many tokens back it looks, itself counted; None: to the start of the row."""
    cap: float | None = None
    """Scores stay within +-cap."""


def attend(
    q_NHD: torch.Tensor, k_NKD: torch.Tensor, v_NKD: torch.Tensor, starts: tuple[int, ...], how: How
) -> torch.Tensor:
    """[N, H, D]. Tokens after the last row get zeros."""
    if q_NHD.device.type == "cpu":
        found: torch.Tensor = _Attend.apply(q_NHD, k_NKD, v_NKD, starts, how)
        return found
    if how.cap is None and q_NHD.dtype in (torch.bfloat16, torch.float16):
        return _flash(q_NHD, k_NKD, v_NKD, starts, how)
    return _row_by_row(q_NHD, k_NKD, v_NKD, starts, how)


class _Attend(torch.autograd.Function):  # type: ignore[misc]  # torch has no types here
    @staticmethod
    def forward(
        ctx: Any,
        q_NHD: torch.Tensor,
        k_NKD: torch.Tensor,
        v_NKD: torch.Tensor,
        starts: tuple[int, ...],
        how: How,
    ) -> torch.Tensor:
        out = torch.zeros(q_NHD.shape, dtype=q_NHD.dtype)
        kept = []
        for rows in _rows(starts):
            q, k, v = _stacked(q_NHD[rows], k_NKD[rows], v_NKD[rows])
            for tile, seen in _tiles(q.shape[2], how.window):
                weights, _ = _weights(q, k, tile, seen, how)
                mixed = torch.bmm(weights, v[:, seen]).view(*q[:, :, tile].shape)
                # [K, G, T, D] to the layout of the output.
                out[rows][tile].view(-1, *q.shape[:2], q.shape[3]).copy_(mixed.permute(2, 0, 1, 3))
                kept.append(weights if _keeps(q.shape[2], how) else None)
        ctx.save_for_backward(q_NHD, k_NKD, v_NKD, *(w for w in kept if w is not None))
        ctx.starts, ctx.how = starts, how
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        q_NHD, k_NKD, v_NKD, *kept = ctx.saved_tensors
        found = tuple(torch.zeros(one.shape, dtype=one.dtype) for one in (q_NHD, k_NKD, v_NKD))
        weights = iter(kept)
        for rows in _rows(ctx.starts):
            q, k, v = _stacked(q_NHD[rows], k_NKD[rows], v_NKD[rows])
            d = _by_head(gradients[0][rows], k.shape[0])
            dq, dk, dv = _row_back(q, k, v, d, ctx.how, weights)
            found[0][rows].view(-1, *q.shape[:2], q.shape[3]).copy_(dq.permute(2, 0, 1, 3))
            found[1][rows].copy_(dk.transpose(0, 1))
            found[2][rows].copy_(dv.transpose(0, 1))
        return *found, None, None


def _row_back(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    d: torch.Tensor,
    how: How,
    kept: Iterator[torch.Tensor],
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The gradients of one row's q [K, G, T, D], k and v [K, T, D] from that of its output."""
    tokens = q.shape[2]
    dq = torch.empty_like(q)
    # Sums over tiles; of one tile there is no sum, and no need for more digits.
    exact = q.dtype if tokens <= TILE else torch.float32
    dk, dv = torch.zeros_like(k, dtype=exact), torch.zeros_like(v, dtype=exact)
    for tile, seen in _tiles(tokens, how.window):
        slope = None
        if _keeps(tokens, how):
            weights = next(kept)
        else:
            weights, slope = _weights(q, k, tile, seen, how)
        d_tile = d[:, :, tile].reshape(k.shape[0], -1, k.shape[2])
        dv[:, seen] += torch.bmm(weights.transpose(1, 2), d_tile)
        dw = torch.bmm(d_tile, v[:, seen].transpose(1, 2))
        ds = torch._softmax_backward_data(dw, weights, -1, weights.dtype).mul_(how.scale)
        if slope is not None:
            ds.mul_(slope)
        dq[:, :, tile] = torch.bmm(ds, k[:, seen]).view_as(q[:, :, tile])
        dk[:, seen] += torch.bmm(ds.transpose(1, 2), _flat(q, tile))
    return dq, dk.to(k.dtype), dv.to(v.dtype)


def _rows(starts: tuple[int, ...]) -> list[slice]:
    return [slice(*pair) for pair in pairwise(starts)]


def _stacked(
    q_THD: torch.Tensor, k_TKD: torch.Tensor, v_TKD: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """[K, G, T, D], [K, T, D], [K, T, D]: heads first, each in one block of memory."""
    k, v = k_TKD.transpose(0, 1).contiguous(), v_TKD.transpose(0, 1).contiguous()
    return _by_head(q_THD, k.shape[0]), k, v


def _by_head(x_THD: torch.Tensor, groups: int) -> torch.Tensor:
    tokens, heads, size = x_THD.shape
    return x_THD.reshape(tokens, groups, heads // groups, size).permute(1, 2, 0, 3).contiguous()


def _flat(q: torch.Tensor, tile: slice) -> torch.Tensor:
    """[K, G * T, D]: queries that share keys, one after another."""
    return q[:, :, tile].reshape(q.shape[0], -1, q.shape[3])


def _weights(
    q: torch.Tensor, k: torch.Tensor, tile: slice, seen: slice, how: How
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """[K, G * T, T'] that sum to 1, and with a cap the slope that it has at each score."""
    chosen, keys = _flat(q, tile), k[:, seen].transpose(1, 2)
    mask = _mask(tile, seen, how.window, q.shape[1], q.dtype)
    if how.cap is None:
        return torch.softmax(torch.baddbmm(mask, chosen, keys, alpha=how.scale), -1), None
    share = torch.bmm(chosen, keys).mul_(how.scale / how.cap).tanh_()
    return torch.softmax(share * how.cap + mask, -1), 1 - share**2


def _keeps(tokens: int, how: How) -> bool:
    return tokens <= KEPT_TOKENS and how.cap is None


def _tiles(tokens: int, window: int | None) -> list[tuple[slice, slice]]:
    """Queries, and the keys that any of them sees."""
    found = []
    for start in range(0, tokens, TILE):
        end = min(start + TILE, tokens)
        first = 0 if window is None else max(0, start - window + 1)
        found.append((slice(start, end), slice(first, end)))
    return found


def _mask(
    tile: slice, seen: slice, window: int | None, groups: int, dtype: torch.dtype
) -> torch.Tensor:
    # Those of long rows are large, and seldom asked for twice.
    draw = _drawn_mask if seen.stop - seen.start <= KEPT_TOKENS else _drawn_mask.__wrapped__
    found: torch.Tensor = draw(
        tile.stop - tile.start, tile.start - seen.start, window, groups, dtype
    )
    return found


@lru_cache(maxsize=256)
def _drawn_mask(
    queries: int, offset: int, window: int | None, groups: int, dtype: torch.dtype
) -> torch.Tensor:
    """[1, G * T, T']: `_draw` of a tile, whose queries are few."""
    return _draw(torch.arange(queries), offset, window).to(dtype).repeat(groups, 1)[None]


def _draw(queries: torch.Tensor, offset: int, window: int | None) -> torch.Tensor:
    """[T, T']: 0 where a query may look. The first query stands `offset` after the first key."""
    keys = torch.arange(len(queries) + offset, device=queries.device)
    back = queries[:, None] + offset - keys[None, :]
    seen = back >= 0 if window is None else (back >= 0) & (back < window)
    return torch.where(seen, 0.0, HIDDEN)


def _flash(
    q_NHD: torch.Tensor, k_NKD: torch.Tensor, v_NKD: torch.Tensor, starts: tuple[int, ...], how: How
) -> torch.Tensor:
    from torch.nn.attention.varlen import varlen_attn  # only where there is a GPU

    # The filler is a row of its own: every token must be in one.
    whole = (*starts, len(q_NHD)) if starts[-1] < len(q_NHD) else starts
    longest = max(rows.stop - rows.start for rows in _rows(whole))
    places = torch.tensor(whole, dtype=torch.int32, device=q_NHD.device)
    window = (-1 if how.window is None else how.window - 1, 0)
    found: torch.Tensor = varlen_attn(
        q_NHD,
        k_NKD,
        v_NKD,
        places,
        places,
        longest,
        longest,
        scale=how.scale,
        window_size=window,
        enable_gqa=q_NHD.shape[1] != k_NKD.shape[1],
    )
    return found


def _row_by_row(
    q_NHD: torch.Tensor, k_NKD: torch.Tensor, v_NKD: torch.Tensor, starts: tuple[int, ...], how: How
) -> torch.Tensor:
    """The plain way, for what the flash kernel does not know."""
    out = []
    for rows in _rows(starts):
        q, k, v = (one[rows].transpose(0, 1) for one in (q_NHD, k_NKD, v_NKD))
        # Of a whole row, so it grows with the square: drawn where it is used, and not kept.
        mask = _draw(torch.arange(q.shape[1], device=q.device), 0, how.window).to(q.dtype)
        out.append(_plain_row(q, k, v, mask[None], how).transpose(0, 1))
    filler = q_NHD.new_zeros(len(q_NHD) - starts[-1], *q_NHD.shape[1:])
    return torch.cat([*out, filler])


def _plain_row(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor, how: How
) -> torch.Tensor:
    groups = q.shape[0] // k.shape[0]
    k, v = k.repeat_interleave(groups, 0), v.repeat_interleave(groups, 0)
    if how.cap is None:
        found: torch.Tensor = F.scaled_dot_product_attention(
            q[None], k[None], v[None], attn_mask=mask[None], scale=how.scale
        )[0]
        return found
    scores = ((q @ k.transpose(1, 2)) * (how.scale / how.cap)).tanh() * how.cap + mask
    return torch.softmax(scores, -1) @ v
