/* A libssh server for one key: runs commands, forwards connections. Arguments: port, host key, authorized key file.
 * One process a connection; it looks at all its channels in turn, and never waits for one of them. */
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHANNELS = 256, PIECE = 32768 };

struct line {
    ssh_channel channel;
    struct ssh_channel_callbacks_struct callbacks;
    int to, from, errors;
    pid_t child;
    char *queue;
    size_t queued;
    int input_ended;
};

static struct line lines[CHANNELS];
static ssh_key authorized;
static int logged_in;

static int set_nonblocking(int fd) { return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

static struct line *new_line(ssh_channel channel) {
    for (size_t at = 0; at < CHANNELS; at++) {
        if (lines[at].channel == NULL) {
            memset(&lines[at], 0, sizeof lines[at]);
            lines[at].channel = channel;
            lines[at].to = lines[at].from = lines[at].errors = -1;
            return &lines[at];
        }
    }
    return NULL;
}

static int take_data(ssh_session session, ssh_channel channel, void *data, uint32_t length, int is_stderr, void *of) {
    struct line *line = of;
    (void)session, (void)channel, (void)is_stderr;
    line->queue = realloc(line->queue, line->queued + length);
    memcpy(line->queue + line->queued, data, length);
    line->queued += length;
    return (int)length;
}

static void take_end(ssh_session session, ssh_channel channel, void *of) {
    (void)session, (void)channel;
    ((struct line *)of)->input_ended = 1;
}

static int run(ssh_session session, ssh_channel channel, const char *command, void *of) {
    struct line *line = of;
    int in[2], out[2], err[2];
    (void)session, (void)channel;
    if (pipe(in) || pipe(out) || pipe(err)) return SSH_ERROR;
    line->child = fork();
    if (line->child == 0) {
        signal(SIGPIPE, SIG_DFL);
        dup2(in[0], 0), dup2(out[1], 1), dup2(err[1], 2);
        for (int fd = 3; fd < 1024; fd++) close(fd);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(in[0]), close(out[1]), close(err[1]);
    line->to = in[1], line->from = out[0], line->errors = err[0];
    fcntl(line->to, F_SETFD, FD_CLOEXEC);
    set_nonblocking(line->to), set_nonblocking(line->from), set_nonblocking(line->errors);
    return SSH_OK;
}

static void attend(struct line *line) {
    line->callbacks.userdata = line;
    line->callbacks.channel_data_function = take_data;
    line->callbacks.channel_eof_function = take_end;
    line->callbacks.channel_close_function = take_end;
    line->callbacks.channel_exec_request_function = run;
    ssh_callbacks_init(&line->callbacks);
    ssh_set_channel_callbacks(line->channel, &line->callbacks);
}

static ssh_channel open_session(ssh_session session, void *of) {
    (void)of;
    struct line *line = new_line(NULL);
    if (line == NULL) return NULL;
    line->channel = ssh_channel_new(session);
    attend(line);
    return line->channel;
}

static int dial(const char *host, int port) {
    char service[16];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    snprintf(service, sizeof service, "%d", port);
    if (getaddrinfo(host, service, &hints, &found) != 0) return -1;
    int fd = socket(found->ai_family, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0) close(fd), fd = -1;
    freeaddrinfo(found);
    return fd;
}

static int open_forward(ssh_session session, ssh_message message, void *of) {
    (void)session, (void)of;
    if (ssh_message_type(message) != SSH_REQUEST_CHANNEL_OPEN) return 1;
    if (ssh_message_subtype(message) != SSH_CHANNEL_DIRECT_TCPIP) return 1;
    int fd = dial(ssh_message_channel_request_open_destination(message), ssh_message_channel_request_open_destination_port(message));
    if (fd < 0) return 1;
    struct line *line = new_line(ssh_message_channel_request_open_reply_accept(message));
    if (line == NULL) return 1;
    line->to = line->from = fd;
    set_nonblocking(fd);
    attend(line);
    return 0;
}

static int check_key(ssh_session session, const char *user, struct ssh_key_struct *key, char state, void *of) {
    (void)session, (void)user, (void)of;
    if (ssh_key_cmp(key, authorized, SSH_KEY_CMP_PUBLIC) != 0) return SSH_AUTH_DENIED;
    if (state == SSH_PUBLICKEY_STATE_VALID) logged_in = 1;
    return state == SSH_PUBLICKEY_STATE_NONE || state == SSH_PUBLICKEY_STATE_VALID ? SSH_AUTH_SUCCESS : SSH_AUTH_DENIED;
}

/* Moves what there is room for; says whether anything moved. */
static int give_back(struct line *line, int *from, int is_stderr) {
    char piece[PIECE];
    uint32_t room = ssh_channel_window_size(line->channel);
    if (*from < 0 || room == 0) return 0;
    ssize_t got = read(*from, piece, room < PIECE ? room : PIECE);
    if (got > 0) {
        if (is_stderr) ssh_channel_write_stderr(line->channel, piece, (uint32_t)got);
        else ssh_channel_write(line->channel, piece, (uint32_t)got);
        return 1;
    }
    if (got == 0 || errno != EAGAIN) {
        if (*from != line->to) close(*from);
        *from = -1;
    }
    return 0;
}

static int work(struct line *line) {
    int moved = 0;
    if (line->to >= 0 && line->queued > 0) {
        ssize_t sent = write(line->to, line->queue, line->queued);
        if (sent > 0) {
            line->queued -= (size_t)sent;
            memmove(line->queue, line->queue + sent, line->queued);
            moved = 1;
        } else if (errno != EAGAIN) {
            line->queued = 0;
        }
    }
    int is_forward = line->child == 0 && line->to >= 0;
    if (line->input_ended && line->queued == 0 && line->to >= 0) {
        if (is_forward) shutdown(line->to, SHUT_WR);
        else close(line->to), line->to = -1;
        line->input_ended = 0;
    }
    moved |= give_back(line, &line->from, 0);
    moved |= give_back(line, &line->errors, 1);
    int status;
    int is_over = line->child ? line->from < 0 && line->errors < 0 && waitpid(line->child, &status, WNOHANG) > 0 : is_forward && line->from < 0;
    if (is_over || ssh_channel_is_closed(line->channel)) {
        if (is_over && line->child) {
            if (WIFSIGNALED(status)) ssh_channel_request_send_exit_signal(line->channel, "KILL", 0, "", "");
            else ssh_channel_request_send_exit_status(line->channel, WEXITSTATUS(status));
        }
        ssh_channel_send_eof(line->channel);
        ssh_channel_close(line->channel);
        if (line->to >= 0) close(line->to);
        line->channel = NULL;
        moved = 1;
    }
    return moved;
}

static void serve(ssh_session session) {
    struct ssh_server_callbacks_struct callbacks = {.auth_pubkey_function = check_key, .channel_open_request_session_function = open_session};
    ssh_callbacks_init(&callbacks);
    ssh_set_server_callbacks(session, &callbacks);
    ssh_set_message_callback(session, open_forward, NULL);
    ssh_set_auth_methods(session, SSH_AUTH_METHOD_PUBLICKEY);
    if (ssh_handle_key_exchange(session) != SSH_OK) return;
    ssh_event event = ssh_event_new();
    ssh_event_add_session(event, session);
    int moved = 0;
    while (ssh_is_connected(session)) {
        if (ssh_event_dopoll(event, moved ? 0 : 2) == SSH_ERROR) return;
        moved = 0;
        for (size_t at = 0; logged_in && at < CHANNELS; at++) {
            if (lines[at].channel != NULL) moved |= work(&lines[at]);
        }
    }
}

int main(int count, char **arguments) {
    if (count != 4) return 2;
    signal(SIGPIPE, SIG_IGN);
    ssh_init();
    ssh_bind listener = ssh_bind_new();
    ssh_bind_options_set(listener, SSH_BIND_OPTIONS_BINDADDR, "127.0.0.1");
    ssh_bind_options_set(listener, SSH_BIND_OPTIONS_BINDPORT_STR, arguments[1]);
    ssh_bind_options_set(listener, SSH_BIND_OPTIONS_HOSTKEY, arguments[2]);
    if (ssh_pki_import_pubkey_file(arguments[3], &authorized) != SSH_OK || ssh_bind_listen(listener) != SSH_OK) {
        fprintf(stderr, "%s\n", ssh_get_error(listener));
        return 1;
    }
    for (;;) {
        ssh_session session = ssh_new();
        if (ssh_bind_accept(listener, session) != SSH_OK) return 1;
        while (waitpid(-1, NULL, WNOHANG) > 0) continue;
        if (fork() == 0) {
            serve(session);
            _exit(0);
        }
        ssh_free(session);
    }
}
