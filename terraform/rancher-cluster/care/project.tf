# What Rancher limits: the site's project and its namespaces.

resource "rancher2_project" "this" {
  name       = var.project.name
  cluster_id = var.cluster_id

  dynamic "container_resource_limit" {
    for_each = var.project.container == null ? [] : [var.project.container]
    content {
      limits_cpu      = container_resource_limit.value.limits_cpu
      limits_memory   = container_resource_limit.value.limits_memory
      requests_cpu    = container_resource_limit.value.requests_cpu
      requests_memory = container_resource_limit.value.requests_memory
    }
  }

  dynamic "resource_quota" {
    for_each = var.project.quota == null ? [] : [var.project.quota]
    content {
      project_limit {
        config_maps              = lookup(resource_quota.value.project, "config_maps", null)
        limits_cpu               = lookup(resource_quota.value.project, "limits_cpu", null)
        limits_memory            = lookup(resource_quota.value.project, "limits_memory", null)
        persistent_volume_claims = lookup(resource_quota.value.project, "persistent_volume_claims", null)
        pods                     = lookup(resource_quota.value.project, "pods", null)
        replication_controllers  = lookup(resource_quota.value.project, "replication_controllers", null)
        requests_cpu             = lookup(resource_quota.value.project, "requests_cpu", null)
        requests_memory          = lookup(resource_quota.value.project, "requests_memory", null)
        requests_storage         = lookup(resource_quota.value.project, "requests_storage", null)
        secrets                  = lookup(resource_quota.value.project, "secrets", null)
        services                 = lookup(resource_quota.value.project, "services", null)
        services_load_balancers  = lookup(resource_quota.value.project, "services_load_balancers", null)
        services_node_ports      = lookup(resource_quota.value.project, "services_node_ports", null)
      }
      namespace_default_limit {
        config_maps              = lookup(resource_quota.value.namespace, "config_maps", null)
        limits_cpu               = lookup(resource_quota.value.namespace, "limits_cpu", null)
        limits_memory            = lookup(resource_quota.value.namespace, "limits_memory", null)
        persistent_volume_claims = lookup(resource_quota.value.namespace, "persistent_volume_claims", null)
        pods                     = lookup(resource_quota.value.namespace, "pods", null)
        replication_controllers  = lookup(resource_quota.value.namespace, "replication_controllers", null)
        requests_cpu             = lookup(resource_quota.value.namespace, "requests_cpu", null)
        requests_memory          = lookup(resource_quota.value.namespace, "requests_memory", null)
        requests_storage         = lookup(resource_quota.value.namespace, "requests_storage", null)
        secrets                  = lookup(resource_quota.value.namespace, "secrets", null)
        services                 = lookup(resource_quota.value.namespace, "services", null)
        services_load_balancers  = lookup(resource_quota.value.namespace, "services_load_balancers", null)
        services_node_ports      = lookup(resource_quota.value.namespace, "services_node_ports", null)
      }
    }
  }

  lifecycle {
    precondition {
      condition     = length(setsubtract(local.quota_given, local.quota_names)) == 0
      error_message = "A quota does not know ${join(", ", setsubtract(local.quota_given, local.quota_names))}; it knows ${join(", ", local.quota_names)}."
    }
  }
}

resource "rancher2_namespace" "this" {
  for_each = var.namespaces

  name       = each.key
  project_id = rancher2_project.this.id
  labels     = each.value.labels

  dynamic "resource_quota" {
    for_each = each.value.quota == null ? [] : [each.value.quota]
    content {
      limit {
        config_maps              = lookup(resource_quota.value, "config_maps", null)
        limits_cpu               = lookup(resource_quota.value, "limits_cpu", null)
        limits_memory            = lookup(resource_quota.value, "limits_memory", null)
        persistent_volume_claims = lookup(resource_quota.value, "persistent_volume_claims", null)
        pods                     = lookup(resource_quota.value, "pods", null)
        replication_controllers  = lookup(resource_quota.value, "replication_controllers", null)
        requests_cpu             = lookup(resource_quota.value, "requests_cpu", null)
        requests_memory          = lookup(resource_quota.value, "requests_memory", null)
        requests_storage         = lookup(resource_quota.value, "requests_storage", null)
        secrets                  = lookup(resource_quota.value, "secrets", null)
        services                 = lookup(resource_quota.value, "services", null)
        services_load_balancers  = lookup(resource_quota.value, "services_load_balancers", null)
        services_node_ports      = lookup(resource_quota.value, "services_node_ports", null)
      }
    }
  }
}

locals {
  quota_names = ["config_maps", "limits_cpu", "limits_memory", "persistent_volume_claims", "pods", "replication_controllers", "requests_cpu", "requests_memory", "requests_storage", "secrets", "services", "services_load_balancers", "services_node_ports"]
  quota_given = toset(concat(
    keys(try(var.project.quota.project, {})),
    keys(try(var.project.quota.namespace, {})),
    flatten([for namespace in var.namespaces : keys(coalesce(namespace.quota, {}))]),
  ))
}
