/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbered datagrams at a steady rate, and an account of those that came: lost, doubled, and the longest silence.
 *
 *     numbered send ADDRESS PORT RATE    until its input ends; prints {"sent": N}
 *     numbered receive ADDRESS PORT      until its input ends; prints {"received", "distinct", "doubled", "gap-us"}
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NUMBERS_MAX (64u << 20)
#define RECEIVE_BUFFER (32 << 20)
#define SIZE 64 /* bytes of a datagram; the number stands in front */

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "numbered: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static bool input_ended(int timeout_ms)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	return poll(&p, 1, timeout_ms) > 0;
}

static int socket_open(const char *address, const char *port, struct sockaddr_in *ret)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	*ret = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	if (fd < 0 || inet_pton(AF_INET, address, &ret->sin_addr) != 1)
		die(address);
	return fd;
}

/* What is due is sent once a millisecond; a number that the kernel refuses is tried again. */
static int send_all(const char *address, const char *port, uint64_t rate)
{
	struct sockaddr_in to;
	char data[SIZE] = {0};
	int fd = socket_open(address, port, &to);
	uint64_t begin = now_us(), sent = 0;
	while (!input_ended(1)) {
		uint64_t due = (now_us() - begin) * rate / 1000000;
		while (sent < due) {
			memcpy(data, &sent, sizeof(sent));
			if (sendto(fd, data, sizeof(data), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
				break;
			sent++;
		}
	}
	printf("{\"sent\": %" PRIu64 "}\n", sent);
	return 0;
}

struct account {
	uint8_t *seen; /* by number */
	uint64_t received, distinct, doubled, last_us, gap_us;
};

static void take(struct account *a, int fd)
{
	char data[SIZE];
	uint64_t number;
	while (recv(fd, data, sizeof(data), 0) == SIZE) {
		uint64_t now = now_us(), gap = now - a->last_us;
		memcpy(&number, data, sizeof(number));
		if (number >= NUMBERS_MAX)
			continue;
		if (a->last_us && gap > a->gap_us)
			a->gap_us = gap;
		a->last_us = now;
		a->received++;
		a->distinct += !a->seen[number];
		a->doubled += a->seen[number];
		a->seen[number] = 1;
	}
}

static int receive_all(const char *address, const char *port)
{
	struct sockaddr_in at;
	struct account a = {.seen = calloc(NUMBERS_MAX, 1)};
	int fd = socket_open(address, port, &at), room = RECEIVE_BUFFER;
	if (!a.seen || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)))
		die("cannot listen");
	printf("ready\n");
	fflush(stdout);
	struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
	while (poll(p, 2, -1) >= 0) {
		take(&a, fd);
		if (p[1].revents)
			break;
	}
	printf("{\"received\": %" PRIu64 ", \"distinct\": %" PRIu64 ", \"doubled\": %" PRIu64 ", \"gap-us\": %" PRIu64
	       "}\n",
	       a.received, a.distinct, a.doubled, a.gap_us);
	free(a.seen);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "send"))
		return send_all(argv[2], argv[3], (uint64_t)atoll(argv[4]));
	if (argc == 4 && !strcmp(argv[1], "receive"))
		return receive_all(argv[2], argv[3]);
	fputs("usage: numbered send ADDRESS PORT RATE | receive ADDRESS PORT\n", stderr);
	return 2;
}
