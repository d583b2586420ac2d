"""Frame-wise cross-attention: the tokens of a latent frame read only their own narrative's text.

    plan = FramePlan.from_narrative(narrative, timeline)          # which text each latent frame reads
    framewise = install(transformer)                              # a stock WanTransformer3DModel
    context = FrameContext.build(plan, embeddings, text_length=512, image=image_embeds)
    with framewise.use(context):
        prediction = transformer(hidden_states=..., timestep=..., **context.inputs, return_dict=False)[0]

Inside ``framewise.keep()`` the steps of a run share keys and values.

The paper's denoiser reads the per-frame narratives, u(x_t, h, c*) in Eq. 6; how they reach Wan's cross-attention is our
choice. The research code's way, all narratives in one unordered context, is ``how="concat"``.
"""

from reasondiff.backends.wan.framewise.context import FrameContext
from reasondiff.backends.wan.framewise.controller import Framewise, install
from reasondiff.backends.wan.framewise.processor import FramewiseAttnProcessor
from reasondiff.backends.wan.framewise.record import AttentionRecord
from reasondiff.narrative.frame_plan import FramePlan

__all__ = ["AttentionRecord", "FrameContext", "FramePlan", "Framewise", "FramewiseAttnProcessor", "install"]
