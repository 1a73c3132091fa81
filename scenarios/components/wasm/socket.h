/* Sockets by wasi:sockets, declared by hand in the canonical ABI: plain C for WASI preview 1 has
 * none. */
#ifndef SOCKET_H
#define SOCKET_H

#include <stddef.h>
#include <stdint.h>

/* An IPv4 address; all zero: none. */
struct address {
    uint8_t bytes[4];
};

/* The first IPv4 address of a host, by name or as numbers. Returns 0, or -1 if there is none. */
int look_up(const char *host, struct address *address);

/* A connection. Functions return 0, or a negative number for the step that failed. */
struct connection {
    int32_t socket, input, output;
};
int tcp_open(struct connection *connection, const struct address *address, uint16_t port);
int tcp_write(struct connection *connection, const void *bytes, size_t len);
/* How many bytes came, at most `len`; 0 at the end. */
size_t tcp_read(struct connection *connection, void *bytes, size_t len);
void tcp_finish(struct connection *connection); /* sends no more */
void tcp_close(struct connection *connection);

/* Datagrams to one address. */
struct datagrams {
    int32_t socket, incoming, outgoing;
};
int udp_open(struct datagrams *datagrams, const struct address *address, uint16_t port);
int udp_send(struct datagrams *datagrams, const void *bytes, size_t len);
int udp_receive(struct datagrams *datagrams); /* waits for one, and drops it */
void udp_close(struct datagrams *datagrams);

#endif
