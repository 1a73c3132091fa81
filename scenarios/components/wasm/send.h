/* Sending one HTTP request by wasi:http, declared by hand in the canonical ABI: plain C for WASI
 * preview 1 has no sockets. */
#ifndef SEND_H
#define SEND_H

#include "text.h"

#include <stddef.h>

struct request {
    const char *method; /* "POST", "PUT" or "GET" */
    int clear;          /* HTTP in place of HTTPS */
    const char *agent;  /* NULL: that of the reference components */
    const char *host;
    int port;
    const char *path;
    const char *content_type; /* NULL: none */
    const unsigned char *body;
    size_t body_len;
    const char *const *fields; /* further names and values by turns, NULL last; or NULL */
    size_t pieces;             /* in how many the body is written, at least 1; 0: 1 */
    void (*after)(void *context, size_t piece); /* called after each piece; or NULL */
    void *context;
    struct text *answer; /* where the answer's body goes; or NULL */
};

/* Returns the status of the answer, or a negative number for the step that failed. */
int send_request(const struct request *request);

#endif
