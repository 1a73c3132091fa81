/* Sending one HTTPS request by wasi:http, declared by hand in the canonical ABI: plain C for WASI
 * preview 1 has no sockets. */
#ifndef SEND_H
#define SEND_H

#include <stddef.h>

struct request {
    const char *method; /* "POST" or "GET" */
    const char *host;
    int port;
    const char *path;
    const char *content_type; /* NULL: none */
    const unsigned char *body;
    size_t body_len;
};

/* Returns the status of the answer, or a negative number for the step that failed. */
int send_request(const struct request *request);

#endif
