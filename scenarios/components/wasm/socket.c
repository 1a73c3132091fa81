#include "socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#define SOCKETS(interface) "wasi:sockets/" interface "@0.2.12"
#define STREAMS "wasi:io/streams@0.2.12"
/* A variant of an IPv4 socket address (port, four bytes) and an IPv6 one, laid out flat. */
#define ADDRESS                                                                                    \
    int32_t kind, int32_t port, int32_t a, int32_t b, int32_t c, int32_t d, int32_t e, int32_t f,  \
        int32_t g, int32_t h, int32_t i, int32_t j
#define IPV4(address, port)                                                                        \
    0, port, (address)->bytes[0], (address)->bytes[1], (address)->bytes[2], (address)->bytes[3],   \
        0, 0, 0, 0, 0, 0

IMPORT(SOCKETS("instance-network"), "instance-network") extern int32_t instance_network(void);
IMPORT(SOCKETS("ip-name-lookup"), "resolve-addresses")
extern void resolve(int32_t network, const char *name, size_t len, int32_t *result);
IMPORT(SOCKETS("ip-name-lookup"), "[method]resolve-address-stream.resolve-next-address")
extern void resolve_next(int32_t self, uint16_t *result);
IMPORT(SOCKETS("ip-name-lookup"), "[method]resolve-address-stream.subscribe")
extern int32_t resolve_subscribe(int32_t self);
IMPORT(SOCKETS("ip-name-lookup"), "[resource-drop]resolve-address-stream")
extern void resolve_drop(int32_t self);
IMPORT(SOCKETS("tcp-create-socket"), "create-tcp-socket")
extern void tcp_create(int32_t family, int32_t *result);
IMPORT(SOCKETS("tcp"), "[method]tcp-socket.start-connect")
extern void tcp_start(int32_t self, int32_t network, ADDRESS, uint8_t *result);
IMPORT(SOCKETS("tcp"), "[method]tcp-socket.finish-connect")
extern void tcp_connected(int32_t self, int32_t *result);
IMPORT(SOCKETS("tcp"), "[method]tcp-socket.subscribe") extern int32_t tcp_subscribe(int32_t self);
IMPORT(SOCKETS("tcp"), "[method]tcp-socket.shutdown")
extern void tcp_shutdown(int32_t self, int32_t how, uint8_t *result);
IMPORT(SOCKETS("tcp"), "[resource-drop]tcp-socket") extern void tcp_drop(int32_t self);
IMPORT(SOCKETS("udp-create-socket"), "create-udp-socket")
extern void udp_create(int32_t family, int32_t *result);
IMPORT(SOCKETS("udp"), "[method]udp-socket.start-bind")
extern void udp_start_bind(int32_t self, int32_t network, ADDRESS, uint8_t *result);
IMPORT(SOCKETS("udp"), "[method]udp-socket.finish-bind")
extern void udp_finish_bind(int32_t self, uint8_t *result);
IMPORT(SOCKETS("udp"), "[method]udp-socket.stream")
extern void udp_stream(int32_t self, int32_t some, ADDRESS, int32_t *result);
IMPORT(SOCKETS("udp"), "[method]outgoing-datagram-stream.check-send")
extern void udp_check(int32_t self, uint64_t *result);
IMPORT(SOCKETS("udp"), "[method]outgoing-datagram-stream.send")
extern void udp_send_list(int32_t self, const void *list, size_t len, uint64_t *result);
IMPORT(SOCKETS("udp"), "[method]incoming-datagram-stream.receive")
extern void udp_receive_list(int32_t self, uint64_t most, int32_t *result);
IMPORT(SOCKETS("udp"), "[method]incoming-datagram-stream.subscribe")
extern int32_t udp_incoming_subscribe(int32_t self);
IMPORT(SOCKETS("udp"), "[resource-drop]incoming-datagram-stream")
extern void incoming_drop(int32_t self);
IMPORT(SOCKETS("udp"), "[resource-drop]outgoing-datagram-stream")
extern void outgoing_drop(int32_t self);
IMPORT(SOCKETS("udp"), "[resource-drop]udp-socket") extern void udp_drop(int32_t self);
IMPORT(STREAMS, "[method]output-stream.blocking-write-and-flush")
extern void output_write(int32_t self, const void *bytes, size_t len, int32_t *result);
IMPORT(STREAMS, "[resource-drop]output-stream") extern void output_drop(int32_t self);
IMPORT(STREAMS, "[method]input-stream.blocking-read")
extern void input_read(int32_t self, uint64_t len, int32_t *result);
IMPORT(STREAMS, "[resource-drop]input-stream") extern void input_drop(int32_t self);
IMPORT("wasi:io/poll@0.2.12", "[method]pollable.block") extern void poll_block(int32_t self);
IMPORT("wasi:io/poll@0.2.12", "[resource-drop]pollable") extern void poll_drop(int32_t self);

/* Most bytes that blocking-write-and-flush takes at once. */
#define CHUNK 4096
enum { FAMILY_IPV4 = 0, SHUT_SENDING = 1 };

static int32_t network(void) {
    static int32_t only, known;
    if (!known) {
        only = instance_network();
        known = 1;
    }
    return only;
}

static void wait_for(int32_t pollable) {
    poll_block(pollable);
    poll_drop(pollable);
}

int look_up(const char *host, struct address *address) {
    unsigned a, b, c, d;
    char rest;
    if (sscanf(host, "%3u.%3u.%3u.%3u%c", &a, &b, &c, &d, &rest) == 4) {
        *address = (struct address){{(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d}};
        return 0;
    }
    int32_t result[2];
    resolve(network(), host, strlen(host), result);
    if (((uint8_t *)result)[0] != 0) {
        return -1;
    }
    int found = -1;
    for (;;) {
        /* result<option<ip-address>>: tags at 0, 2 and 4, the address from 6. */
        uint16_t next[12] = {0};
        wait_for(resolve_subscribe(result[1]));
        resolve_next(result[1], next);
        const uint8_t *bytes = (const uint8_t *)next;
        if (bytes[0] != 0 || bytes[2] == 0) {
            break;
        }
        if (bytes[4] == 0 && found != 0) {
            memcpy(address->bytes, bytes + 6, 4);
            found = 0;
        }
    }
    resolve_drop(result[1]);
    return found;
}

int tcp_open(struct connection *connection, const struct address *address, uint16_t port) {
    int32_t made[2], opened[3];
    uint8_t started[2];
    tcp_create(FAMILY_IPV4, made);
    if (((uint8_t *)made)[0] != 0) {
        return -1;
    }
    tcp_start(made[1], network(), IPV4(address, port), started);
    if (started[0] != 0) {
        tcp_drop(made[1]);
        return -2;
    }
    wait_for(tcp_subscribe(made[1]));
    tcp_connected(made[1], opened);
    if (((uint8_t *)opened)[0] != 0) {
        tcp_drop(made[1]);
        return -3;
    }
    *connection = (struct connection){made[1], opened[1], opened[2]};
    return 0;
}

int tcp_write(struct connection *connection, const void *bytes, size_t len) {
    const char *at = bytes;
    while (len > 0) {
        int32_t result[3];
        size_t count = len < CHUNK ? len : CHUNK;
        output_write(connection->output, at, count, result);
        if (((uint8_t *)result)[0] != 0) {
            return -1;
        }
        at += count;
        len -= count;
    }
    return 0;
}

size_t tcp_read(struct connection *connection, void *bytes, size_t len) {
    int32_t result[3];
    input_read(connection->input, len, result);
    if (((uint8_t *)result)[0] != 0) {
        return 0;
    }
    size_t count = (size_t)result[2];
    memcpy(bytes, (void *)result[1], count);
    free(count == 0 ? NULL : (void *)result[1]);
    return count;
}

void tcp_finish(struct connection *connection) {
    uint8_t result[2];
    tcp_shutdown(connection->socket, SHUT_SENDING, result);
}

void tcp_close(struct connection *connection) {
    input_drop(connection->input);
    output_drop(connection->output);
    tcp_drop(connection->socket);
}

int udp_open(struct datagrams *datagrams, const struct address *address, uint16_t port) {
    const struct address any = {{0}};
    int32_t made[2], streams[3];
    uint8_t bound[2];
    udp_create(FAMILY_IPV4, made);
    if (((uint8_t *)made)[0] != 0) {
        return -1;
    }
    udp_start_bind(made[1], network(), IPV4(&any, 0), bound);
    if (bound[0] == 0) {
        udp_finish_bind(made[1], bound);
    }
    if (bound[0] != 0) {
        udp_drop(made[1]);
        return -2;
    }
    udp_stream(made[1], 1, IPV4(address, port), streams);
    if (((uint8_t *)streams)[0] != 0) {
        udp_drop(made[1]);
        return -3;
    }
    *datagrams = (struct datagrams){made[1], streams[1], streams[2]};
    return 0;
}

int udp_send(struct datagrams *datagrams, const void *bytes, size_t len) {
    /* A list of one datagram: data, and no address of its own. */
    struct {
        const void *bytes;
        size_t len;
        uint8_t has_address;
        uint8_t address[35];
    } one = {.bytes = bytes, .len = len};
    uint64_t room[2], sent[2];
    udp_check(datagrams->outgoing, room);
    if (((uint8_t *)room)[0] != 0 || room[1] == 0) {
        return -1;
    }
    udp_send_list(datagrams->outgoing, &one, 1, sent);
    return ((uint8_t *)sent)[0] == 0 && sent[1] == 1 ? 0 : -2;
}

int udp_receive(struct datagrams *datagrams) {
    int32_t result[3];
    wait_for(udp_incoming_subscribe(datagrams->incoming));
    udp_receive_list(datagrams->incoming, 1, result);
    if (((uint8_t *)result)[0] != 0 || result[2] == 0) {
        return -1;
    }
    void **first = (void **)result[1];
    free(first[0]);
    free(first);
    return 0;
}

void udp_close(struct datagrams *datagrams) {
    incoming_drop(datagrams->incoming);
    outgoing_drop(datagrams->outgoing);
    udp_drop(datagrams->socket);
}
