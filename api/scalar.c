/* SPDX-License-Identifier: Apache-2.0 */
/* The regular expressions of YAML 1.2.2, clause 10.3.2, by hand. */
#include "api/scalar.h"

#include <stdbool.h>
#include <string.h>

#define DECIMAL "0123456789"

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?, behind the sign. */
static bool is_float(const char *text)
{
	size_t whole = strspn(text, DECIMAL);
	text += whole;
	if (*text == '.') {
		size_t fraction = strspn(++text, DECIMAL);
		text += fraction;
		if (whole + fraction == 0)
			return false;
	} else if (whole == 0) {
		return false;
	}
	if (*text == 'e' || *text == 'E') {
		text++;
		text += *text == '-' || *text == '+';
		size_t exponent = strspn(text, DECIMAL);
		if (exponent == 0)
			return false;
		text += exponent;
	}
	return *text == '\0';
}

/* prefix and then digits only, at least one. */
static bool is_digits(const char *text, const char *prefix, const char *digits)
{
	size_t skip = strlen(prefix);

	if (strncmp(text, prefix, skip) != 0 || text[skip] == '\0')
		return false;
	return text[skip + strspn(text + skip, digits)] == '\0';
}

enum scalar_kind scalar_classify(const char *text)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const trues[] = {"true", "True", "TRUE", NULL};
	static const char *const falses[] = {"false", "False", "FALSE", NULL};
	static const char *const infinities[] = {".inf", ".Inf", ".INF", NULL};
	static const char *const nans[] = {".nan", ".NaN", ".NAN", NULL};

	if (is_one_of(text, nulls))
		return SCALAR_NULL;
	if (is_one_of(text, trues))
		return SCALAR_TRUE;
	if (is_one_of(text, falses))
		return SCALAR_FALSE;
	if (is_digits(text, "0o", "01234567"))
		return SCALAR_OCTAL;
	if (is_digits(text, "0x", "0123456789abcdefABCDEF"))
		return SCALAR_HEX;

	const char *digits = text + (*text == '-' || *text == '+');
	if (is_digits(digits, "", DECIMAL))
		return SCALAR_INT;
	if (is_float(digits))
		return SCALAR_FLOAT;
	if (is_one_of(digits, infinities) || is_one_of(text, nans))
		return SCALAR_NOT_FINITE;
	return SCALAR_TEXT;
}
