// A number between two others.
#ifndef SQUINT_KERNELS_REAL_REAL_CLIP_H_
#define SQUINT_KERNELS_REAL_REAL_CLIP_H_

static float squint_real_clip(float x, float p, float q) {
  return x < p ? p : x > q ? q : x;
}

#endif  // SQUINT_KERNELS_REAL_REAL_CLIP_H_
