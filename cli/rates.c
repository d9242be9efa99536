/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/rates.h"

#include <string.h>

#include "cli/render.h"

static const json_t *find_named(const json_t *list, const json_t *like)
{
	const char *name = json_string_value(json_object_get(like, "name"));
	size_t i;
	const json_t *object;
	json_array_foreach(list, i, object) {
		if (name && str_equal(json_string_value(json_object_get(object, "name")), name))
			return object;
	}
	return NULL;
}

/* A counter that went back started again (weftd did): all of it is new. */
static uint64_t grown(uint64_t before, uint64_t after) { return after >= before ? after - before : after; }

static json_t *per_second(uint64_t growth, double seconds)
{
	return json_integer((json_int_t)((double)growth / seconds + 0.5));
}

static json_t *rates_way(const json_t *before, const json_t *after, const char *way, double seconds)
{
	uint64_t packets = grown(render_count(before, way, "packets"), render_count(after, way, "packets"));
	uint64_t bytes = grown(render_count(before, way, "bytes"), render_count(after, way, "bytes"));
	return json_pack("{s:o, s:o}", "packets-per-second", per_second(packets, seconds), "bits-per-second",
			 per_second(8 * bytes, seconds));
}

static json_t *rates_drops(const json_t *before, const json_t *after, double seconds)
{
	json_t *rates = json_object(), *n;
	const char *reason;
	json_object_foreach(json_object_get(after, "drops"), reason, n) {
		uint64_t growth = grown(render_count(before, "drops", reason), (uint64_t)json_integer_value(n));
		if (growth)
			json_object_set_new(rates, reason, per_second(growth, seconds));
	}
	return rates;
}

static json_t *rates_worker(const json_t *before, const json_t *after, double seconds)
{
	uint64_t busy = grown(render_count(before, "busy-cycles", NULL), render_count(after, "busy-cycles", NULL));
	uint64_t idle = grown(render_count(before, "idle-cycles", NULL), render_count(after, "idle-cycles", NULL));
	uint64_t packets = grown(render_count(before, "packets", NULL), render_count(after, "packets", NULL));
	double all = (double)(busy + idle);
	return json_pack("{s:O?, s:o, s:o}", "name", json_object_get(after, "name"), "load-percent",
			 json_integer(all > 0 ? (json_int_t)(100.0 * (double)busy / all + 0.5) : 0),
			 "packets-per-second", per_second(packets, seconds));
}

json_t *rates_between(const json_t *before, const json_t *after, double seconds)
{
	json_t *adapters = json_array(), *workers = json_array();
	const json_t *list, *now, *then;
	size_t i;
	list = json_object_get(after, "adapters");
	json_array_foreach(list, i, now) {
		then = find_named(json_object_get(before, "adapters"), now);
		json_array_append_new(adapters,
				      json_pack("{s:O?, s:o, s:o, s:o}", "name", json_object_get(now, "name"), "in",
						rates_way(then, now, "in", seconds), "out",
						rates_way(then, now, "out", seconds), "drops-per-second",
						rates_drops(then, now, seconds)));
	}
	list = json_object_get(after, "workers");
	json_array_foreach(list, i, now) {
		then = find_named(json_object_get(before, "workers"), now);
		json_array_append_new(workers, rates_worker(then, now, seconds));
	}
	return json_pack("{s:o, s:o}", "adapters", adapters, "workers", workers);
}
