#include "send.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#define TYPES "wasi:http/types@0.2.12"

IMPORT(TYPES, "[constructor]fields") extern int32_t fields_new(void);
IMPORT(TYPES, "[method]fields.append")
extern void fields_append(int32_t self, const char *name, size_t name_len, const char *value,
                          size_t value_len, uint8_t *result);
IMPORT(TYPES, "[constructor]outgoing-request") extern int32_t request_new(int32_t fields);
IMPORT(TYPES, "[method]outgoing-request.set-method")
extern int32_t request_set_method(int32_t self, int32_t method, const char *other, size_t len);
IMPORT(TYPES, "[method]outgoing-request.set-path-with-query")
extern int32_t request_set_path(int32_t self, int32_t some, const char *path, size_t len);
IMPORT(TYPES, "[method]outgoing-request.set-scheme")
extern int32_t request_set_scheme(int32_t self, int32_t some, int32_t scheme, const char *other,
                                  size_t len);
IMPORT(TYPES, "[method]outgoing-request.set-authority")
extern int32_t request_set_authority(int32_t self, int32_t some, const char *name, size_t len);
IMPORT(TYPES, "[method]outgoing-request.body")
extern void request_body(int32_t self, int32_t *result);
IMPORT(TYPES, "[method]outgoing-body.write") extern void body_write(int32_t self, int32_t *result);
IMPORT(TYPES, "[static]outgoing-body.finish")
extern void body_finish(int32_t body, int32_t some, int32_t trailers, uint64_t *result);
IMPORT(TYPES, "[method]future-incoming-response.subscribe")
extern int32_t future_subscribe(int32_t self);
IMPORT(TYPES, "[method]future-incoming-response.get")
extern void future_get(int32_t self, uint64_t *result);
IMPORT(TYPES, "[method]incoming-response.status") extern int32_t response_status(int32_t self);
IMPORT(TYPES, "[method]incoming-response.consume")
extern void response_consume(int32_t self, int32_t *result);
IMPORT(TYPES, "[method]incoming-body.stream")
extern void incoming_stream(int32_t self, int32_t *result);
IMPORT(TYPES, "[resource-drop]incoming-body") extern void incoming_drop_body(int32_t self);
IMPORT("wasi:io/streams@0.2.12", "[method]input-stream.blocking-read")
extern void stream_read(int32_t self, uint64_t len, int32_t *result);
IMPORT("wasi:io/streams@0.2.12", "[resource-drop]input-stream")
extern void read_drop(int32_t self);
IMPORT(TYPES, "[resource-drop]incoming-response") extern void response_drop(int32_t self);
IMPORT(TYPES, "[resource-drop]future-incoming-response") extern void future_drop(int32_t self);
IMPORT("wasi:http/outgoing-handler@0.2.12", "handle")
extern void handle(int32_t request, int32_t some, int32_t options, uint64_t *result);
IMPORT("wasi:io/streams@0.2.12", "[method]output-stream.blocking-write-and-flush")
extern void stream_write(int32_t self, const unsigned char *bytes, size_t len, int32_t *result);
IMPORT("wasi:io/streams@0.2.12", "[resource-drop]output-stream")
extern void stream_drop(int32_t self);
IMPORT("wasi:io/poll@0.2.12", "[method]pollable.block") extern void pollable_block(int32_t self);
IMPORT("wasi:io/poll@0.2.12", "[resource-drop]pollable") extern void pollable_drop(int32_t self);

static void add_field(int32_t fields, const char *name, const char *value) {
    uint8_t result[8];
    fields_append(fields, name, strlen(name), value, strlen(value), result);
}

/* Most bytes that blocking-write-and-flush takes at once. */
#define CHUNK 4096
/* Longest answer that is kept. */
#define ANSWER (1 << 20)

static int write_body(int32_t stream, const struct request *request) {
    size_t pieces = request->pieces == 0 ? 1 : request->pieces;
    size_t each = (request->body_len + pieces - 1) / pieces, piece = 0;
    for (size_t begin = 0; begin < request->body_len; begin += each, piece++) {
        size_t rest = request->body_len - begin, end = begin + (rest < each ? rest : each);
        for (size_t at = begin; at < end; at += CHUNK) {
            int32_t written[3];
            stream_write(stream, request->body + at, end - at < CHUNK ? end - at : CHUNK, written);
            if (((uint8_t *)written)[0] != 0) {
                return -1;
            }
        }
        if (request->after != NULL) {
            request->after(request->context, piece);
        }
    }
    return 0;
}

static void read_answer(int32_t response, struct text *answer) {
    int32_t body[2], stream[2];
    response_consume(response, body);
    if (((uint8_t *)body)[0] != 0) {
        return;
    }
    incoming_stream(body[1], stream);
    while (((uint8_t *)stream)[0] == 0 && answer->len < ANSWER) {
        int32_t got[3];
        stream_read(stream[1], CHUNK, got);
        if (((uint8_t *)got)[0] != 0) {
            break;
        }
        text_bytes(answer, (void *)got[1], (size_t)got[2]);
        free(got[2] == 0 ? NULL : (void *)got[1]);
    }
    if (((uint8_t *)stream)[0] == 0) {
        read_drop(stream[1]);
    }
    incoming_drop_body(body[1]);
}

int send_request(const struct request *request) {
    int32_t fields = fields_new();
    char number[32];
    const char *agent = request->agent == NULL ? "belljar-reference/0.1.0" : request->agent;
    add_field(fields, "user-agent", agent);
    for (const char *const *field = request->fields; field != NULL && *field != NULL; field += 2) {
        add_field(fields, field[0], field[1]);
    }
    if (request->content_type != NULL) {
        add_field(fields, "content-type", request->content_type);
    }
    int has_body = request->body != NULL;
    if (has_body) {
        snprintf(number, sizeof number, "%zu", request->body_len);
        add_field(fields, "content-length", number);
    }
    int32_t outgoing = request_new(fields);
    /* Places in the variant `method`: get is 0, post is 2, put is 3; in `scheme`: HTTP, HTTPS. */
    int post = strcmp(request->method, "POST") == 0, put = strcmp(request->method, "PUT") == 0;
    request_set_method(outgoing, post ? 2 : put ? 3 : 0, "", 0);
    request_set_path(outgoing, 1, request->path, strlen(request->path));
    request_set_scheme(outgoing, 1, request->clear ? 0 : 1, "", 0);
    char authority[300];
    if (request->port == (request->clear ? 80 : 443)) {
        snprintf(authority, sizeof authority, "%s", request->host);
    } else {
        snprintf(authority, sizeof authority, "%s:%d", request->host, request->port);
    }
    if (request_set_authority(outgoing, 1, authority, strlen(authority)) != 0) {
        return -1;
    }
    int32_t body = -1;
    if (has_body) {
        int32_t made[2];
        request_body(outgoing, made);
        if (((uint8_t *)made)[0] != 0) {
            return -2;
        }
        body = made[1];
    }
    uint64_t handled[8];
    handle(outgoing, 0, 0, handled);
    if (((uint8_t *)handled)[0] != 0) {
        return -3;
    }
    /* result<own, error-code>: the value lies behind the tag, aligned to 8. */
    int32_t future = ((int32_t *)handled)[2];
    if (has_body) {
        int32_t opened[2];
        body_write(body, opened);
        if (((uint8_t *)opened)[0] != 0) {
            return -4;
        }
        if (write_body(opened[1], request) != 0) {
            return -5;
        }
        stream_drop(opened[1]);
        uint64_t finished[8];
        body_finish(body, 0, 0, finished);
        if (((uint8_t *)finished)[0] != 0) {
            return -6;
        }
    }
    int32_t pollable = future_subscribe(future);
    pollable_block(pollable);
    pollable_drop(pollable);
    /* option<result<result<own, error-code>>>: tags at 0, 8 and 16, the value at 24. */
    uint64_t got[10];
    future_get(future, got);
    const uint8_t *tags = (const uint8_t *)got;
    if (tags[0] != 1 || tags[8] != 0 || tags[16] != 0) {
        future_drop(future);
        return -7;
    }
    int32_t response = ((int32_t *)got)[6];
    int status = response_status(response);
    if (request->answer != NULL) {
        read_answer(response, request->answer);
    }
    response_drop(response);
    future_drop(future);
    return status;
}
