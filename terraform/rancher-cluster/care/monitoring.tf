# Rancher Monitoring, who is told, and our rules.

locals {
  monitored = var.monitoring == null ? 0 : 1
  alerting  = "omegaml-alertmanager"

  receiver = {
    name = "operators"
    email_configs = var.alerts.mail == null ? [] : [for to in var.alerts.mail.to : {
      to            = to
      from          = var.alerts.mail.from
      smarthost     = var.alerts.mail.smarthost
      auth_username = var.alerts.mail.username
      auth_password = var.alerts.mail.password
      require_tls   = var.alerts.mail.require_tls
      send_resolved = true
    }]
    webhook_configs   = [for url in var.alerts.webhooks : { url = url, send_resolved = true }]
    slack_configs     = [for one in var.alerts.slack : merge({ api_url = one.url, send_resolved = true }, one.channel == null ? {} : { channel = one.channel })]
    pagerduty_configs = [for key in var.alerts.pagerduty : { routing_key = key, send_resolved = true }]
  }

  alertmanager = {
    receivers = [{ name = "nobody" }, local.receiver]
    route = {
      receiver        = "operators"
      group_by        = ["alertname", "namespace"]
      group_wait      = "30s"
      group_interval  = "5m"
      repeat_interval = "12h"
      routes          = [{ receiver = "nobody", matchers = ["alertname = Watchdog"] }, { receiver = "nobody", matchers = ["severity = info"] }]
    }
  }

  rules = yamldecode(file("${path.module}/../rules.yaml"))

  selector = try(var.monitoring.node_role, null) == null ? {} : { nodeSelector = { "omegaml.io/role" = var.monitoring.node_role } }
  storage = try(var.monitoring.storage_class, null) == null ? {} : {
    storageSpec = { volumeClaimTemplate = { spec = {
      # Named always: a default class may keep the data on a machine's own disk.
      storageClassName = var.monitoring.storage_class
      accessModes      = ["ReadWriteOnce"]
      resources        = { requests = { storage = "${var.monitoring.storage_gb}Gi" } }
    } } }
  }
}

resource "rancher2_namespace" "monitoring" {
  count = local.monitored

  name       = "cattle-monitoring-system"
  project_id = var.system_project_id
}

# Of our own: the chart takes receivers at its installation only, this is read again when it changes.
resource "rancher2_secret_v2" "alertmanager" {
  count = local.monitored

  cluster_id = var.cluster_id
  namespace  = rancher2_namespace.monitoring[0].name
  name       = local.alerting
  data       = { "alertmanager.yaml" = yamlencode(local.alertmanager) }
}

resource "rancher2_app_v2" "monitoring" {
  count = local.monitored

  cluster_id    = var.cluster_id
  project_id    = var.system_project_id
  name          = "rancher-monitoring"
  namespace     = rancher2_secret_v2.alertmanager[0].namespace
  repo_name     = "rancher-charts"
  chart_name    = "rancher-monitoring"
  chart_version = var.monitoring.version
  values = yamlencode({
    alertmanager = { alertmanagerSpec = merge(local.selector, { useExistingSecret = true, configSecret = local.alerting }) }
    prometheus   = { prometheusSpec = merge(local.selector, local.storage, { retention = var.monitoring.retention }) }
    additionalPrometheusRulesMap = {
      omegaml = { groups = concat(local.rules.groups, var.monitoring.rules) }
    }
  })
}
