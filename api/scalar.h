/* SPDX-License-Identifier: Apache-2.0 */
/* What a plain YAML scalar means by the 1.2 core schema; the reader and the writer must agree. */
#pragma once

#include <stddef.h>

enum scalar_kind {
	SCALAR_TEXT,
	SCALAR_NULL, /* null Null NULL ~ and nothing at all */
	SCALAR_TRUE,
	SCALAR_FALSE,
	SCALAR_INT, /* 12, -12, +12 */
	SCALAR_OCTAL, /* 0o17 */
	SCALAR_HEX, /* 0x1f */
	SCALAR_FLOAT, /* 1.5, .5, 1e3 */
	SCALAR_NOT_FINITE, /* .inf, -.inf, .nan: floats that JSON has not */
};

enum scalar_kind scalar_classify(const char *text);
