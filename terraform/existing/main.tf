# A cluster that is there already, made known to a Rancher. Labels of its nodes and checks of it are cloudmgr's own work.

terraform {
  required_version = ">= 1.6"
  required_providers {
    rancher2 = {
      source  = "rancher/rancher2"
      version = ">= 13.0"
    }
  }
}

resource "rancher2_cluster" "this" {
  name        = var.name
  description = var.description
  labels      = var.labels

  lifecycle {
    # Rancher and its agent add labels and notes of their own.
    ignore_changes = [annotations]
  }
}

# Waits for the agent: only after the manifest was applied to the cluster.
resource "rancher2_cluster_sync" "this" {
  count = var.registered ? 1 : 0

  cluster_id    = rancher2_cluster.this.id
  wait_catalogs = var.monitoring != null

  timeouts {
    create = "15m"
  }
}

module "care" {
  source = "../rancher-cluster/care"
  count  = var.registered ? 1 : 0

  cluster_id        = rancher2_cluster_sync.this[0].cluster_id
  system_project_id = rancher2_cluster_sync.this[0].system_project_id
  project           = var.project
  # Theirs: who destroys this root must not take namespaces with data along.
  namespaces = {}
  monitoring = var.monitoring
  alerts     = var.alerts
}
