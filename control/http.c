// HTTP for machines: /metrics (Prometheus), /health, /status. libmicrohttpd inside our own event loop, no thread.
#include <errno.h>
#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include "control/control.h"

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned code, const char *type, char *text)
{
	if (!text)
		return MHD_NO;
	struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	enum MHD_Result result = MHD_queue_response(connection, code, response);
	MHD_destroy_response(response);
	return result;
}

static char *json_text(json_t *object)
{
	char *text = json_dumps(object, JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9));
	json_decref(object);
	return text;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
				  const char *body, size_t *body_len, void **state)
{
	const struct ctl *c = arg;
	(void)version, (void)body, (void)state;
	if (*body_len != 0)
		return MHD_NO;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0)
		return reply(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", strdup("GET only\n"));
	if (strcmp(url, "/metrics") == 0)
		return reply(connection, MHD_HTTP_OK, "text/plain; version=0.0.4", ctl_metrics(c));
	if (strcmp(url, "/status") == 0)
		return reply(connection, MHD_HTTP_OK, "application/json", json_text(ctl_view(c)));
	if (strcmp(url, "/health") == 0) {
		bool is_good = c->replica.life == CTL_LIFE_SERVING && strcmp(ctl_standing_name(c), "retired") != 0;
		return reply(connection, is_good ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, "application/json",
			     json_text(json_pack("{s:s, s:s, s:I}", "life", ctl_life_name(c->replica.life), "standing", ctl_standing_name(c), "epoch",
					    (json_int_t)c->list.epoch)));
	}
	return reply(connection, MHD_HTTP_NOT_FOUND, "text/plain", strdup("/metrics, /health or /status\n"));
}

static int on_ready(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	struct ctl *c = arg;
	(void)s, (void)fd, (void)events;
	MHD_run(c->http);
	return 0;
}

bool ctl_http_start(struct ctl *c)
{
	const struct pnyx_config_address *at = &c->file.control.metrics;
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(at->port) };
	memcpy(&here.sin_addr, at->ip, 4);
	c->http = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, c, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&here,
				   MHD_OPTION_CONNECTION_LIMIT, 16u, MHD_OPTION_CONNECTION_TIMEOUT, 5u, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u,
				   MHD_OPTION_END);
	const union MHD_DaemonInfo *info = c->http ? MHD_get_daemon_info(c->http, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (info && sd_event_add_io(c->event, NULL, info->epoll_fd, EPOLLIN, on_ready, c) >= 0)
		return true;
	snprintf(c->error, sizeof c->error, "HTTP %u.%u.%u.%u:%u cannot be listened on (%s): set `metrics` in `control`, or PNYX_CONTROL_METRICS",
		 at->ip[0], at->ip[1], at->ip[2], at->ip[3], at->port, strerror(errno));
	return false;
}

// Idle connections are closed by time, which no descriptor tells.
void ctl_http_tend(struct ctl *c)
{
	MHD_UNSIGNED_LONG_LONG ms;
	if (MHD_get_timeout(c->http, &ms) == MHD_YES && ms == 0)
		MHD_run(c->http);
}

void ctl_http_stop(struct ctl *c)
{
	if (c->http)
		MHD_stop_daemon(c->http);
}
