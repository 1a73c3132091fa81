#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_bytes(struct text *text, const void *bytes, size_t len) {
    if (text->room - text->len < len + 1 || text->bytes == NULL) {
        size_t room = (text->len + len + 64) * 2;
        unsigned char *grown = realloc(text->bytes, room);
        if (grown == NULL) {
            fprintf(stderr, "no memory for %zu bytes\n", room);
            exit(2);
        }
        text->bytes = grown;
        text->room = room;
    }
    memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
    text->bytes[text->len] = 0;
}

void text_string(struct text *text, const char *string) {
    text_bytes(text, string, strlen(string));
}

void text_format(struct text *text, const char *format, ...) {
    char line[1024];
    va_list list;
    va_start(list, format);
    int len = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    if (len > 0) {
        text_bytes(text, line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
    }
}

void text_json(struct text *text, const void *bytes, size_t len) {
    const unsigned char *at = bytes;
    text_string(text, "\"");
    for (size_t i = 0; i < len; i++) {
        switch (at[i]) {
        case '"': text_string(text, "\\\""); break;
        case '\\': text_string(text, "\\\\"); break;
        case '\n': text_string(text, "\\n"); break;
        case '\r': text_string(text, "\\r"); break;
        case '\t': text_string(text, "\\t"); break;
        case '\b': text_string(text, "\\b"); break;
        case '\f': text_string(text, "\\f"); break;
        default:
            if (at[i] < 0x20) {
                text_format(text, "\\u%04x", at[i]);
            } else {
                text_bytes(text, at + i, 1);
            }
        }
    }
    text_string(text, "\"");
}

void text_free(struct text *text) {
    free(text->bytes);
    memset(text, 0, sizeof *text);
}
