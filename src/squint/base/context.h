// The public Context, for the library's own files.
#ifndef SQUINT_BASE_CONTEXT_H_
#define SQUINT_BASE_CONTEXT_H_

#include "squint/context.h"  // IWYU pragma: export

#endif  // SQUINT_BASE_CONTEXT_H_
