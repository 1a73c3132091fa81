#include "json.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static json space(json at) {
    while (*at != 0 && isspace((unsigned char)*at)) {
        at++;
    }
    return at;
}

/* What follows a string that begins here. */
static json past_string(json at) {
    for (at++; *at != 0 && *at != '"'; at++) {
        if (*at == '\\' && at[1] != 0) {
            at++;
        }
    }
    return *at == 0 ? at : at + 1;
}

static json past(json at) {
    int depth = 0;
    do {
        at = space(at);
        if (*at == '"') {
            at = past_string(at);
        } else if (*at == '{' || *at == '[') {
            depth++;
            at++;
        } else if (*at == '}' || *at == ']') {
            depth--;
            at++;
        } else if (*at == ',' || *at == ':') {
            at++;
        } else {
            while (*at != 0 && strchr(",:{}[]\" \n", *at) == NULL) {
                at++;
            }
        }
        at = space(at);
    } while (depth > 0 && *at != 0);
    return at;
}

json json_key(json object, const char *key) {
    if (object == NULL || *(object = space(object)) != '{') {
        return NULL;
    }
    size_t len = strlen(key);
    for (json at = space(object + 1); *at == '"';) {
        json end = past_string(at), value = space(end);
        value = space(*value == ':' ? value + 1 : value);
        if ((size_t)(end - at) == len + 2 && memcmp(at + 1, key, len) == 0) {
            return value;
        }
        at = past(value);
        at = space(*at == ',' ? at + 1 : at);
    }
    return NULL;
}

json json_item(json list, size_t number) {
    if (list == NULL || *(list = space(list)) != '[') {
        return NULL;
    }
    json at = space(list + 1);
    for (; *at != 0 && *at != ']'; number--) {
        if (number == 0) {
            return at;
        }
        at = past(at);
        at = space(*at == ',' ? at + 1 : at);
    }
    return NULL;
}

char *json_string(json value) {
    if (value == NULL || *value != '"') {
        return NULL;
    }
    json end = past_string(value) - 1;
    char *out = malloc((size_t)(end - value)), *to = out;
    for (json at = value + 1; out != NULL && at < end; at++) {
        /* Cases escape nothing but quotes and backslashes. */
        at += *at == '\\';
        *to++ = *at;
    }
    if (out != NULL) {
        *to = 0;
    }
    return out;
}

int json_is(json value, const char *string) {
    char *own = json_string(value);
    int equal = own != NULL && strcmp(own, string) == 0;
    free(own);
    return equal;
}

unsigned long long json_number(json value, unsigned long long otherwise) {
    return value != NULL && isdigit((unsigned char)*value) ? strtoull(value, NULL, 10) : otherwise;
}
