/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A wire for tests: a learning switch between the packet sockets of some interfaces that writes down every frame
 * it is given and does to them what real wires do. Its own code alone, nothing of weft's.
 *
 *   relay PCAP INTERFACE...
 *
 * Obeys lines on stdin and answers each with one line, "ok", a JSON object or "error: ...":
 *   drop N | duplicate N | reorder N MS    N of 1000 frames, chosen by a fixed random sequence
 *   delay MS
 *   cut INTERFACE | join INTERFACE         frames from and to it end here
 *   mtu N silent                           longer IP packets (0: none) end here
 *   mtu N icmp SOURCE4 SOURCE6             ... and who sent them gets fragmentation needed or packet too big
 *   sync                                   PCAP has every frame so far; the answer is its length
 *   stats                                  {"frames", "dropped", "duplicated", "too-big", "fragments", "without-df"}, of tunnels the last
 * Ends with its stdin.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
	PORTS_MAX = 16,
	FRAME_MAX = 66000,
	TAG = 4,
	HELD_MAX = 65536,
	ROUND = 64,
	MACS = 4096,
	QUOTE4 = 8,
	QUOTE6 = 1232,
	VXLAN = 4789
};

struct frame {
	struct frame *next;
	uint64_t due; /* ns */
	int from;
	size_t len;
	struct virtio_net_hdr offload;
	uint8_t data[];
};

/* Frames that wait all equally long: first in, first out. */
struct queue {
	struct frame *head, **tail;
};

static struct {
	int fd;
	const char *name;
	bool cut;
} ports[PORTS_MAX];
static int n_ports;
static struct {
	uint8_t mac[6];
	uint8_t port; /* + 1; 0: free */
} stations[MACS];
static struct queue delayed = {.tail = &delayed.head}, reordered = {.tail = &reordered.head};
static unsigned n_held;
static unsigned drop, duplicate, reorder, reorder_ms, delay_ms, mtu;
static bool icmp;
static struct in_addr icmp_source4;
static struct in6_addr icmp_source6;
static FILE *pcap;
static bool pcap_dirty;
static struct {
	unsigned long frames, dropped, duplicated, too_big, fragments, without_df;
} count;

static uint64_t now(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool chance(unsigned permille)
{
	static uint64_t state = 1;
	state = state * 6364136223846793005u + 1442695040888963407u;
	return permille > (state >> 33) % 1000;
}

static uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static void put16(uint8_t *p, unsigned v) { p[0] = (uint8_t)(v >> 8), p[1] = (uint8_t)v; }

static void record(const struct frame *f)
{
	uint64_t t = now(CLOCK_REALTIME);
	uint32_t head[4] = {(uint32_t)(t / 1000000000u), (uint32_t)(t % 1000000000u), (uint32_t)f->len,
			    (uint32_t)f->len};
	fwrite(head, sizeof(head), 1, pcap);
	fwrite(f->data, f->len, 1, pcap);
	pcap_dirty = true;
}

/* Open checksums and segments stay as they are: the header passes on to the other side. */
static void transmit(int port, struct frame *f)
{
	struct iovec iov[2] = {{&f->offload, sizeof(f->offload)}, {f->data, f->len}};
	if (ports[port].cut || writev(ports[port].fd, iov, 2) < 0)
		count.dropped++;
}

static unsigned station(const uint8_t *mac)
{
	unsigned i = (unsigned)(mac[5] | mac[4] << 8 | mac[3] << 4) % MACS;
	while (stations[i].port && memcmp(stations[i].mac, mac, 6) != 0)
		i = (i + 1) % MACS;
	return i;
}

static void deliver(struct frame *f)
{
	int to = f->data[0] & 1 ? -1 : stations[station(f->data)].port - 1;
	for (int i = 0; i < n_ports; i++)
		if (i != f->from && (to < 0 || i == to))
			transmit(i, f);
	free(f);
}

static void hold(struct queue *q, struct frame *f, unsigned ms)
{
	if (n_held >= HELD_MAX) {
		count.dropped++;
		free(f);
		return;
	}
	f->due = now(CLOCK_MONOTONIC) + ms * 1000000ull;
	f->next = NULL;
	*q->tail = f;
	q->tail = &f->next;
	n_held++;
}

static void release(struct queue *q)
{
	while (q->head && q->head->due <= now(CLOCK_MONOTONIC)) {
		struct frame *f = q->head;
		q->head = f->next;
		if (!q->head)
			q->tail = &q->head;
		n_held--;
		deliver(f);
	}
}

/* RFC 1071, continued from `sum`. */
static uint32_t sum16(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += get16(p + i);
	return n & 1 ? sum + (uint32_t)(p[n - 1] << 8) : sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* The router that the packet was too long for tells its sender, RFC 1191 and RFC 8201, quoting as little as it must. */
static void complain(const struct frame *f, size_t l3)
{
	static const uint8_t version4 = 0x45;
	uint8_t out[14 + TAG + 40 + 8 + QUOTE6] = {0}, *ip = out + l3;
	bool v4 = f->data[l3] >> 4 == 4;
	size_t room = f->len - l3, quote = v4 ? (size_t)(f->data[l3] & 15) * 4 + QUOTE4 : QUOTE6;
	quote = quote < room ? quote : room;
	memcpy(out, f->data, l3);
	memcpy(out, f->data + 6, 6);
	static const uint8_t router[6] = {0x02, 0x00, 0x5e, 0x00, 0x00, 0xfe};
	memcpy(out + 6, router, sizeof(router));
	uint8_t *message = ip + (v4 ? 20 : 40);
	memcpy(message + 8, f->data + l3, quote);
	message[0] = v4 ? 3 : 2;
	message[1] = v4 ? 4 : 0;
	put16(message + 6, mtu);
	if (v4) {
		ip[0] = version4;
		put16(ip + 2, (unsigned)(28 + quote));
		ip[8] = 64, ip[9] = IPPROTO_ICMP;
		memcpy(ip + 12, &icmp_source4, 4);
		memcpy(ip + 16, f->data + l3 + 12, 4);
		put16(ip + 10, fold(sum16(ip, 20, 0)));
		put16(message + 2, fold(sum16(message, 8 + quote, 0)));
	} else {
		ip[0] = 0x60;
		put16(ip + 4, (unsigned)(8 + quote));
		ip[6] = IPPROTO_ICMPV6, ip[7] = 64;
		memcpy(ip + 8, &icmp_source6, 16);
		memcpy(ip + 24, f->data + l3 + 8, 16);
		put16(message + 2,
		      fold(sum16(message, 8 + quote, sum16(ip + 8, 32, (uint32_t)(8 + quote + IPPROTO_ICMPV6)))));
	}
	struct frame *answer = calloc(1, sizeof(*answer) + sizeof(out));
	if (!answer)
		return;
	answer->len = l3 + (v4 ? 28 : 48) + quote;
	memcpy(answer->data, out, answer->len);
	record(answer);
	transmit(f->from, answer);
	free(answer);
}

/* False: it was longer than the wire and is gone. */
static bool fits(const struct frame *f)
{
	size_t l3 = get16(f->data + 12) == ETHERTYPE_VLAN ? 14 + TAG : 14;
	if (f->len < l3 + 40)
		return true;
	const uint8_t *ip = f->data + l3;
	uint16_t type = get16(ip - 2);
	if (type != ETHERTYPE_IP && type != ETHERTYPE_IPV6)
		return true;
	bool v4 = type == ETHERTYPE_IP, df = !v4 || ip[6] & 0x40;
	bool tunnel = v4 ? ip[9] == IPPROTO_GRE || (ip[9] == IPPROTO_UDP && get16(ip + 22) == VXLAN) : false;
	count.fragments += v4 ? (get16(ip + 6) & 0x3fff) != 0 : ip[6] == IPPROTO_FRAGMENT;
	count.without_df += tunnel && !df;
	if (!mtu || (v4 ? get16(ip + 2) : get16(ip + 4) + 40u) <= mtu)
		return true;
	count.too_big++;
	if (icmp && df)
		complain(f, l3);
	return false;
}

static struct frame *copy(const struct frame *f)
{
	struct frame *c = malloc(sizeof(*f) + f->len);
	return c ? memcpy(c, f, sizeof(*f) + f->len) : NULL;
}

static void pass(struct frame *f)
{
	unsigned i = station(f->data + 6);
	if (!(f->data[6] & 1)) {
		memcpy(stations[i].mac, f->data + 6, 6);
		stations[i].port = (uint8_t)(f->from + 1);
	}
	count.frames++;
	record(f);
	if (ports[f->from].cut || chance(drop) || !fits(f)) {
		count.dropped++;
		free(f);
		return;
	}
	struct frame *again = chance(duplicate) ? copy(f) : NULL;
	if (chance(reorder))
		hold(&reordered, f, delay_ms + reorder_ms);
	else if (delay_ms || delayed.head)
		hold(&delayed, f, delay_ms);
	else
		deliver(f);
	if (again) {
		count.duplicated++;
		deliver(again);
	}
}

/* The kernel takes the outer VLAN tag out and tells of it beside the frame. */
static size_t put_tag_back(struct frame *f, const struct tpacket_auxdata *aux)
{
	if (!(aux->tp_status & TP_STATUS_VLAN_VALID) || f->len < 12)
		return f->len;
	memmove(f->data + 12 + TAG, f->data + 12, f->len - 12);
	put16(f->data + 12, aux->tp_status & TP_STATUS_VLAN_TPID_VALID ? aux->tp_vlan_tpid : ETHERTYPE_VLAN);
	put16(f->data + 14, aux->tp_vlan_tci);
	if (f->offload.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		f->offload.csum_start += TAG;
	if (f->offload.hdr_len)
		f->offload.hdr_len += TAG;
	return f->len + TAG;
}

static bool receive(int port)
{
	static struct {
		struct frame f;
		uint8_t data[FRAME_MAX + TAG];
	} in;
	char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct iovec iov[2] = {{&in.f.offload, sizeof(in.f.offload)}, {in.f.data, FRAME_MAX}};
	struct msghdr m = {
		.msg_iov = iov, .msg_iovlen = 2, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(ports[port].fd, &m, MSG_DONTWAIT);
	if (n < (ssize_t)sizeof(in.f.offload) + 14)
		return n >= 0;
	in.f.len = (size_t)n - sizeof(in.f.offload);
	in.f.from = port;
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA) {
		struct tpacket_auxdata aux;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		in.f.len = put_tag_back(&in.f, &aux);
	}
	struct frame *f = copy(&in.f);
	if (f)
		pass(f);
	return true;
}

static int port_open(const char *name)
{
	int yes = 1, no_loss = 32 << 20, fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	struct sockaddr_ll a = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(name)};
	struct packet_mreq all = {.mr_ifindex = a.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
	if (fd < 0 || !a.sll_ifindex || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &no_loss, sizeof(no_loss)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &no_loss, sizeof(no_loss)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &yes, sizeof(yes)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &yes, sizeof(yes)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof(yes)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a))) {
		fprintf(stderr, "relay: %s: %s\n", name, a.sll_ifindex ? strerror(errno) : "no such interface");
		exit(1);
	}
	return fd;
}

static const char *obey_mtu(const char *line)
{
	char how[16] = "", source4[64] = "", source6[64] = "";
	unsigned n;
	if (sscanf(line, "mtu %u %15s %63s %63s", &n, how, source4, source6) < 2)
		return "error: mtu N silent | mtu N icmp SOURCE4 SOURCE6";
	icmp = !strcmp(how, "icmp");
	if (icmp &&
	    (inet_pton(AF_INET, source4, &icmp_source4) != 1 || inet_pton(AF_INET6, source6, &icmp_source6) != 1))
		return "error: two addresses are needed";
	mtu = n;
	return "ok";
}

static const char *obey(const char *line)
{
	static char text[256];
	char word[32] = "", name[64] = "";
	unsigned n = 0, more = 0;
	sscanf(line, "%31s %63s", word, name);
	sscanf(line, "%*s %u %u", &n, &more);
	if (!strcmp(word, "drop"))
		drop = n;
	else if (!strcmp(word, "duplicate"))
		duplicate = n;
	else if (!strcmp(word, "reorder"))
		reorder = n, reorder_ms = more;
	else if (!strcmp(word, "delay"))
		delay_ms = n;
	else if (!strcmp(word, "mtu"))
		return obey_mtu(line);
	else if (!strcmp(word, "cut") || !strcmp(word, "join"))
		for (int i = 0; i < n_ports; i++)
			ports[i].cut = strcmp(ports[i].name, name) ? ports[i].cut : word[0] == 'c';
	else if (!strcmp(word, "sync")) {
		fflush(pcap);
		pcap_dirty = false;
		snprintf(text, sizeof(text), "%ld", ftell(pcap));
		return text;
	} else if (!strcmp(word, "stats"))
		snprintf(
			text, sizeof(text),
			"{\"frames\": %lu, \"dropped\": %lu, \"duplicated\": %lu, \"too-big\": %lu, \"fragments\": %lu, \"without-df\": %lu}",
			count.frames, count.dropped, count.duplicated, count.too_big, count.fragments,
			count.without_df);
	else
		return "error: unknown word";
	return !strcmp(word, "stats") ? text : "ok";
}

/* False: stdin has ended. */
static bool listen_once(void)
{
	static char line[256];
	static size_t len;
	ssize_t n = read(0, line + len, sizeof(line) - 1 - len);
	if (n <= 0)
		return false;
	len += (size_t)n;
	line[len] = 0;
	for (char *end; (end = strchr(line, '\n'));) {
		*end = 0;
		puts(obey(line));
		fflush(stdout);
		len -= (size_t)(end + 1 - line);
		memmove(line, end + 1, len + 1);
	}
	return len < sizeof(line) - 1;
}

static int wait_ms(void)
{
	uint64_t due = UINT64_MAX, t = now(CLOCK_MONOTONIC);
	if (delayed.head)
		due = delayed.head->due;
	if (reordered.head && reordered.head->due < due)
		due = reordered.head->due;
	if (due == UINT64_MAX)
		return pcap_dirty ? 50 : -1;
	return due <= t ? 0 : (int)((due - t) / 1000000 + 1);
}

static bool work(struct pollfd *p)
{
	int ready = poll(p, (nfds_t)n_ports + 1, wait_ms());
	if (!ready && pcap_dirty)
		obey("sync");
	for (int i = 0; i < n_ports; i++)
		for (int n = 0; n < ROUND && p[i].revents && receive(i); n++)
			;
	release(&delayed);
	release(&reordered);
	return !p[n_ports].revents || listen_once();
}

int main(int argc, char **argv)
{
	static const uint32_t head[6] = {0xa1b23c4d, 2 | 4 << 16,     0,
					 0,	     FRAME_MAX + TAG, 1}; /* nanoseconds, Ethernet */
	struct pollfd p[PORTS_MAX + 1];
	if (argc < 3 || argc - 2 > PORTS_MAX || !(pcap = fopen(argv[1], "wb"))) {
		fprintf(stderr, "usage: relay PCAP INTERFACE...\n");
		return 2;
	}
	fwrite(head, sizeof(head), 1, pcap);
	for (; n_ports < argc - 2; n_ports++) {
		ports[n_ports].name = argv[n_ports + 2];
		ports[n_ports].fd = port_open(ports[n_ports].name);
		p[n_ports] = (struct pollfd){.fd = ports[n_ports].fd, .events = POLLIN};
	}
	p[n_ports] = (struct pollfd){.fd = 0, .events = POLLIN};
	puts("ok");
	fflush(stdout);
	while (work(p))
		;
	fclose(pcap);
	return 0;
}
