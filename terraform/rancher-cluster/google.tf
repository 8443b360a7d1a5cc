# Machines of Google Compute Engine.

variable "google" {
  description = "Settings for all machines, as of `google_config` of rancher2_machine_config_v2. Needed: disk_type, machine_image, network, project, zone. Given, the machines are of Google Compute Engine."
  type        = any
  default     = null

  # An object type would drop a misspelt name without a word.
  validation {
    condition     = var.google == null || length(setsubtract(try(keys(var.google), []), local.google_names)) == 0
    error_message = "google does not know ${join(", ", setsubtract(try(keys(var.google), []), local.google_names))}; it knows ${join(", ", local.google_names)}."
  }

  validation {
    condition     = var.google == null || length(setsubtract(["disk_type", "machine_image", "network", "project", "zone"], try(keys(var.google), []))) == 0
    error_message = "google also needs ${join(", ", setsubtract(["disk_type", "machine_image", "network", "project", "zone"], try(keys(var.google), [])))}."
  }
}

locals {
  google_names = ["address", "disk_type", "external_firewall_rule_prefix", "internal_firewall_rule_prefix", "machine_image", "network", "open_port", "preemptable", "project", "scopes", "sub_network", "tags", "use_existing", "use_internal_ip", "use_internal_ip_only", "user_data", "username", "vm_labels", "zone"]
  # A pool may differ, for example in its zone.
  google = { for name, pool in local.machines_of["google"] : name => merge(var.google, pool.machine) }
}

resource "rancher2_cloud_credential" "google" {
  count = local.driver == "google" && var.credential_name == null ? 1 : 0

  name        = var.name
  description = "Machines of cluster ${var.name}"
  labels      = local.marks

  google_credential_config {
    auth_encoded_json = var.credential["auth_encoded_json"]
  }

  lifecycle {
    precondition {
      condition     = length(setsubtract(["auth_encoded_json"], nonsensitive(keys(var.credential)))) == 0
      error_message = "credential needs ${join(", ", setsubtract(["auth_encoded_json"], nonsensitive(keys(var.credential))))}, or give credential_name."
    }
  }
}

resource "rancher2_machine_config_v2" "google" {
  for_each = local.machines_of["google"]

  generate_name = "${var.name}-${each.key}"
  labels        = merge(local.marks, { "omegaml.io/pool" = each.key })

  google_config {
    address                       = try(local.google[each.key].address, null)
    disk_size                     = coalesce(each.value.disk_gb, 50)
    disk_type                     = try(local.google[each.key].disk_type, null)
    external_firewall_rule_prefix = try(local.google[each.key].external_firewall_rule_prefix, null)
    internal_firewall_rule_prefix = try(local.google[each.key].internal_firewall_rule_prefix, null)
    machine_image                 = try(local.google[each.key].machine_image, null)
    machine_type                  = each.value.machine_type
    network                       = try(local.google[each.key].network, null)
    open_port                     = try(local.google[each.key].open_port, null)
    preemptable                   = try(local.google[each.key].preemptable, null)
    project                       = try(local.google[each.key].project, null)
    scopes                        = try(local.google[each.key].scopes, null)
    sub_network                   = try(local.google[each.key].sub_network, null)
    tags                          = try(local.google[each.key].tags, null)
    use_existing                  = try(local.google[each.key].use_existing, null)
    use_internal_ip               = try(local.google[each.key].use_internal_ip, null)
    use_internal_ip_only          = try(local.google[each.key].use_internal_ip_only, null)
    user_data                     = try(local.google[each.key].user_data, null)
    username                      = try(local.google[each.key].username, null)
    vm_labels                     = try(local.google[each.key].vm_labels, null)
    zone                          = try(local.google[each.key].zone, null)
  }

  lifecycle {
    precondition {
      condition     = each.value.machine_type != null
      error_message = "Pool ${each.key} needs a machine_type."
    }
  }
}
