/* Settings of the rooms that have their own: rosters, personal eventing, what contacts see of users. */
#include "server.h"

static void on_gateway(imp_node *node, const imp_gateway_status *status, void *user_data) {
  static const char *const healths[] = {"new", "up", "busy", "down"};
  int down = status->health == IMP_GATEWAY_DOWN;
  (void)node;
  server_say(user_data, down ? IMP_LOG_WARN : IMP_LOG_INFO, status->name, "gateway is %s%s%s",
             healths[status->health & 3], down ? ": " : "", down ? status->last_error : "");
}

static int get_zone(imp_calendar *calendar, const char *name, void *user_data) {
  return server_zone_read(calendar, ((server *)user_data)->started->calendar.zones, name);
}

static int set_status(server *s) {
  imp_status_settings settings;
  imp_presence_settings presence;
  imp_status_callbacks callbacks = {.size = sizeof callbacks, .gateway = on_gateway, .get_zone = get_zone};
  server_status_settings(&s->now->status, &settings, &presence);
  settings.calendar = &s->started->calendar.settings;
  return imp_status_set_settings(s->node, &settings, &callbacks, s);
}

int server_features_apply(server *s) {
  int rv = imp_node_set_sm(s->node, &s->now->sm);
  rv = rv == IMP_OK ? imp_roster_set_settings(s->node, &s->now->roster) : rv;
  rv = rv == IMP_OK ? imp_pep_set_settings(s->node, &s->now->pep) : rv;
  rv = rv == IMP_OK ? set_status(s) : rv;
  if (rv != IMP_OK) {
    server_say(s, IMP_LOG_ERROR, "settings", "%s", imp_node_last_error(s->node));
    return -1;
  }
  return 0;
}
