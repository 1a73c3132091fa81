/* The channels of the benchmark that exist for a guest. */
#ifndef CHANNELS_H
#define CHANNELS_H

#include <stddef.h>
#include <stdint.h>

struct task {
    const char *channel, *host, *timing;
    uint16_t port;
    uint32_t seed;
};

/* 0, or a negative number for the step that failed; -100 for a channel that a guest does not have. */
int carry(const struct task *task, const unsigned char *payload, size_t len);

/* Fetches an update; 0 if there is one. */
int fetch_update(void);

/* Whether the control server has orders for a machine. */
int ordered(const char *machine, size_t len, int orders);

#endif
