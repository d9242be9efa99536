/* SPDX-License-Identifier: Apache-2.0 */
/* What store.c, revisions.c and facts.c share: the open state folder. */
#pragma once

#include "core/control/store.h"

#define STORE_DIR_SIZE 3072
#define STORE_PATH_SIZE 4096 /* STORE_DIR_SIZE and any name of ours below it */
#define STORE_REVISION_MAX INT64_MAX /* what JSON integers and if-revision can say */
#define STORE_OWNER_GUARD "weft-guard"

struct store {
	char dir[STORE_DIR_SIZE];
	int lock_fd; /* -1: closed */
	unsigned lock_wait_ms; /* how long the one who has the lock may take to die; tests make it short */
	uint64_t current;
	uint64_t *numbers; /* of the revisions kept, ascending */
	size_t n_numbers;
};
extern struct store store;

/* Replaces a file by text; 0 as well when the text is there but the disk did not confirm it. */
int store_file_replace(const char *path, const char *text, struct err *e);
/* Removes a file of the folder; absent is fine. */
int store_file_remove(const char *path, struct err *e);

int store_current_read(uint64_t *ret_number, struct err *e); /* what the file says */
int store_scan(struct err *e); /* fills numbers, removes a torn revision that never ran */
void store_kept(char *buf, size_t size); /* "3 to 66", "none" */
