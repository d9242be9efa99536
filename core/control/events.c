/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of events under one lock; whoever follows it is woken through the control loop, once for many. */
#include "core/control/events.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "core/control/loop.h"

struct event {
	uint64_t number, time_ms;
	enum log_level level;
	char *object, *text;
	const char *reason; /* of a drop, else NULL */
	uint64_t frames;
};

struct follower {
	struct follower *next;
	void (*fn)(void *arg);
	void *arg;
	bool removed;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct event ring[EVENTS_KEPT]; /* event n stands at n % EVENTS_KEPT */
static uint64_t last; /* number of the newest; 0: none yet */
static bool followed, wake_posted;

static struct follower *followers; /* control thread only */
static bool waking;

/* Text from outside (a guest's name, a driver's message) need not be UTF-8; JSON must be. */
static char *text_copy(const char *text)
{
	char *copy = strdup(text);
	if (!copy)
		return NULL;
	json_t *valid = json_string(copy);
	if (valid) {
		json_decref(valid);
		return copy;
	}
	for (char *c = copy; *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	return copy;
}

static void followers_wake(void *unused)
{
	pthread_mutex_lock(&lock);
	wake_posted = false;
	pthread_mutex_unlock(&lock);

	waking = true;
	for (struct follower *f = followers; f; f = f->next)
		if (!f->removed)
			f->fn(f->arg);
	waking = false;
	for (struct follower **at = &followers; *at;) {
		struct follower *f = *at;
		if (f->removed) {
			*at = f->next;
			free(f);
		} else {
			at = &f->next;
		}
	}
}

/* All of `about` but its number and time; the texts are copied. */
static void add(const struct event *about)
{
	char *object_copy = text_copy(about->object), *copy = text_copy(about->text);
	if (!object_copy || !copy) {
		free(object_copy);
		free(copy);
		return;
	}
	pthread_mutex_lock(&lock);
	struct event *slot = &ring[++last % EVENTS_KEPT];
	struct event forgotten = *slot;
	*slot = *about;
	slot->number = last;
	slot->time_ms = clock_wall_ms();
	slot->object = object_copy;
	slot->text = copy;
	if (followed && !wake_posted)
		wake_posted = loop_post(followers_wake, NULL) == 0;
	pthread_mutex_unlock(&lock);
	free(forgotten.object);
	free(forgotten.text);
}

void events_add(enum log_level level, const char *object, const char *text)
{
	add(&(struct event){.level = level, .object = (char *)object, .text = (char *)text});
}

void events_add_drop(const char *object, const char *text, const char *reason, uint64_t frames)
{
	add(&(struct event){.level = LOG_LEVEL_WARNING,
			    .object = (char *)object,
			    .text = (char *)text,
			    .reason = reason,
			    .frames = frames});
}

static json_t *event_json(const struct event *ev)
{
	json_t *o = json_pack("{s:I, s:I, s:s, s:s, s:s}", "number", (json_int_t)ev->number, "time",
			      (json_int_t)ev->time_ms, "level", log_level_name(ev->level), "object", ev->object,
			      "text", ev->text);
	if (o && ev->reason) {
		json_object_set_new(o, "reason", json_string(ev->reason));
		json_object_set_new(o, "frames", json_integer((json_int_t)ev->frames));
	}
	return o;
}

json_t *events_since(uint64_t after)
{
	json_t *list = json_array();
	pthread_mutex_lock(&lock);
	uint64_t kept_from = last >= EVENTS_KEPT ? last - EVENTS_KEPT : 0;
	for (uint64_t n = after > kept_from ? after : kept_from; n < last; n++) {
		json_array_append_new(list, event_json(&ring[(n + 1) % EVENTS_KEPT]));
	}
	pthread_mutex_unlock(&lock);
	return list;
}

static void followed_set(bool on)
{
	pthread_mutex_lock(&lock);
	followed = on;
	pthread_mutex_unlock(&lock);
}

int events_subscribe(void (*fn)(void *arg), void *arg)
{
	struct follower *f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	*f = (struct follower){.next = followers, .fn = fn, .arg = arg};
	followers = f;
	followed_set(true);
	return 0;
}

void events_unsubscribe(void (*fn)(void *arg), void *arg)
{
	bool left = false, found = false;
	for (struct follower **at = &followers; *at;) {
		struct follower *f = *at;
		if (!found && !f->removed && f->fn == fn && f->arg == arg) {
			found = true;
			if (!waking) {
				*at = f->next;
				free(f);
				continue;
			}
			f->removed = true;
		}
		left |= !f->removed;
		at = &f->next;
	}
	followed_set(left);
}

void events_init(void)
{
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < EVENTS_KEPT; i++) {
		free(ring[i].object);
		free(ring[i].text);
		ring[i] = (struct event){0};
	}
	last = 0;
	wake_posted = false;
	pthread_mutex_unlock(&lock);
}
