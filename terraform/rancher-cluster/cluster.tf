# The cluster with its machine pools.

locals {
  is_rke2 = strcontains(var.kubernetes_version, "+rke2")

  # What would take the site's ports, or keep databases on a machine's own disk.
  unwanted = local.is_rke2 ? ["rke2-ingress-nginx", "rke2-traefik", "rke2-traefik-crd"] : ["traefik", "servicelb", "local-storage"]

  global = merge(
    { disable = concat(local.unwanted, var.disable) },
    local.is_rke2 ? { cni = var.cni } : {},
    var.cloud_provider == null ? {} : { disable-cloud-controller = true },
  )
}

data "rancher2_setting" "version" {
  name = "server-version"
}

resource "rancher2_cluster_v2" "this" {
  name               = var.name
  kubernetes_version = var.kubernetes_version
  labels             = local.marks

  # The Kubernetes API answers without Rancher, too.
  local_auth_endpoint {
    enabled = true
  }

  dynamic "agent_env_vars" {
    for_each = var.agent_env
    content {
      name  = agent_env_vars.key
      value = agent_env_vars.value
    }
  }

  rke_config {
    additional_manifest   = var.additional_manifest
    chart_values          = var.chart_values
    machine_global_config = yamlencode(local.global)

    dynamic "machine_selector_config" {
      for_each = var.cloud_provider == null ? [] : [var.cloud_provider]
      content {
        config = yamlencode({ cloud-provider-name = machine_selector_config.value })
      }
    }

    dynamic "machine_pools" {
      for_each = var.custom ? {} : var.pools
      content {
        name                         = machine_pools.key
        cloud_credential_secret_name = local.credential
        control_plane_role           = machine_pools.value.role == "control"
        etcd_role                    = machine_pools.value.role == "control"
        worker_role                  = machine_pools.value.role != "control"
        quantity                     = local.sizes[machine_pools.key]
        drain_before_delete          = true
        # `labels` would be the MachineDeployment's; these are the nodes'.
        machine_labels = merge(machine_pools.value.labels, { "omegaml.io/role" = machine_pools.value.role })
        annotations    = local.autoscaling[machine_pools.key]

        machine_config {
          kind = local.machine_configs[machine_pools.key].kind
          name = local.machine_configs[machine_pools.key].name
        }

        dynamic "taints" {
          for_each = machine_pools.value.taints
          content {
            key    = taints.value.key
            value  = taints.value.value
            effect = taints.value.effect
          }
        }
      }
    }

    etcd {
      snapshot_schedule_cron = var.snapshots.schedule
      snapshot_retention     = var.snapshots.retention

      dynamic "s3_config" {
        for_each = var.snapshots.s3 == null ? [] : [var.snapshots.s3]
        content {
          bucket                = s3_config.value.bucket
          endpoint              = s3_config.value.endpoint
          region                = s3_config.value.region
          folder                = s3_config.value.folder
          retention             = s3_config.value.retention
          cloud_credential_name = rancher2_cloud_credential.s3[0].id
        }
      }
    }

    upgrade_strategy {
      control_plane_concurrency = "1"
      worker_concurrency        = "1"

      worker_drain_options {
        enabled               = true
        delete_empty_dir_data = true
        ignore_daemon_sets    = true
        timeout               = 600
      }
    }
  }

  timeouts {
    create = var.timeout
    update = var.timeout
    delete = var.timeout
  }

  lifecycle {
    precondition {
      condition     = startswith(data.rancher2_setting.version.value, "v${var.rancher_minor}.")
      error_message = "This module's provider rancher2 belongs to Rancher ${var.rancher_minor}, yours is ${data.rancher2_setting.version.value}."
    }
    precondition {
      condition     = length(local.chosen) == (var.custom ? 0 : 1)
      error_message = "Give the settings of exactly one driver, or custom = true and none; you gave ${length(local.chosen) == 0 ? "none" : join(", ", local.chosen)}."
    }
    precondition {
      condition     = var.custom ? length(var.pools) == 0 : length([for pool in var.pools : pool if pool.role == "control"]) == 1
      error_message = "One pool has role control. A custom cluster has no pools here: its machines bring their roles."
    }
    precondition {
      condition     = var.cloud_provider == null || var.cloud_provider == "rancher-vsphere" || var.additional_manifest != null
      error_message = "Cloud provider ${coalesce(var.cloud_provider, "-")} needs its controller in additional_manifest: nodes stay tainted until it runs, and the cluster would never be ready."
    }
  }
}

resource "rancher2_cloud_credential" "s3" {
  count = var.snapshots.s3 == null ? 0 : 1

  name        = "${var.name}-snapshots"
  description = "etcd snapshots of cluster ${var.name}"
  labels      = local.marks

  s3_credential_config {
    access_key       = var.s3_credential.access_key
    secret_key       = var.s3_credential.secret_key
    default_bucket   = var.snapshots.s3.bucket
    default_endpoint = var.snapshots.s3.endpoint
    default_region   = var.snapshots.s3.region
  }
}

# Whatever uses the cluster waits for this.
resource "rancher2_cluster_sync" "this" {
  cluster_id    = rancher2_cluster_v2.this.cluster_v1_id
  state_confirm = 3
  wait_catalogs = var.monitoring != null

  timeouts {
    create = var.timeout
    update = var.timeout
  }

  depends_on = [var.wait_for]
}
