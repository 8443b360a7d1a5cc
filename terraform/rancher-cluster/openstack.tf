# Machines of OpenStack.

variable "openstack" {
  description = "Settings for all machines, as of `openstack_config` of rancher2_machine_config_v2. Needed: auth_url, availability_zone, region. Given, the machines are of OpenStack."
  type        = any
  default     = null

  # An object type would drop a misspelt name without a word.
  validation {
    condition     = var.openstack == null || length(setsubtract(try(keys(var.openstack), []), local.openstack_names)) == 0
    error_message = "openstack does not know ${join(", ", setsubtract(try(keys(var.openstack), []), local.openstack_names))}; it knows ${join(", ", local.openstack_names)}."
  }

  validation {
    condition     = var.openstack == null || length(setsubtract(["auth_url", "availability_zone", "region"], try(keys(var.openstack), []))) == 0
    error_message = "openstack also needs ${join(", ", setsubtract(["auth_url", "availability_zone", "region"], try(keys(var.openstack), [])))}."
  }
}

locals {
  openstack_names = ["active_timeout", "application_credential_id", "application_credential_name", "auth_url", "availability_zone", "boot_from_volume", "cacert", "config_drive", "domain_id", "domain_name", "endpoint_type", "floating_ip_pool", "image_id", "image_name", "insecure", "ip_version", "keypair_name", "net_id", "net_name", "nova_network", "private_key_file", "region", "sec_groups", "server_group_id", "server_group_name", "ssh_port", "ssh_user", "tenant_domain_id", "tenant_domain_name", "tenant_id", "tenant_name", "user_data_file", "user_domain_id", "user_domain_name", "username", "volume_device_path", "volume_id", "volume_name", "volume_type"]
  # A pool may differ, for example in its zone.
  openstack = { for name, pool in local.machines_of["openstack"] : name => merge(var.openstack, pool.machine) }
}

resource "rancher2_cloud_credential" "openstack" {
  count = local.driver == "openstack" && var.credential_name == null ? 1 : 0

  name        = var.name
  description = "Machines of cluster ${var.name}"
  labels      = local.marks

  openstack_credential_config {
    password = var.credential["password"]
  }

  lifecycle {
    precondition {
      condition     = length(setsubtract(["password"], nonsensitive(keys(var.credential)))) == 0
      error_message = "credential needs ${join(", ", setsubtract(["password"], nonsensitive(keys(var.credential))))}, or give credential_name."
    }
  }
}

resource "rancher2_machine_config_v2" "openstack" {
  for_each = local.machines_of["openstack"]

  generate_name = "${var.name}-${each.key}"
  labels        = merge(local.marks, { "omegaml.io/pool" = each.key })

  openstack_config {
    active_timeout              = try(local.openstack[each.key].active_timeout, null)
    application_credential_id   = try(local.openstack[each.key].application_credential_id, null)
    application_credential_name = try(local.openstack[each.key].application_credential_name, null)
    auth_url                    = try(local.openstack[each.key].auth_url, null)
    availability_zone           = try(local.openstack[each.key].availability_zone, null)
    boot_from_volume            = try(local.openstack[each.key].boot_from_volume, each.value.disk_gb != null ? true : null)
    cacert                      = try(local.openstack[each.key].cacert, null)
    config_drive                = try(local.openstack[each.key].config_drive, null)
    domain_id                   = try(local.openstack[each.key].domain_id, null)
    domain_name                 = try(local.openstack[each.key].domain_name, null)
    endpoint_type               = try(local.openstack[each.key].endpoint_type, null)
    flavor_name                 = each.value.machine_type
    floating_ip_pool            = try(local.openstack[each.key].floating_ip_pool, null)
    image_id                    = try(local.openstack[each.key].image_id, null)
    image_name                  = try(local.openstack[each.key].image_name, null)
    insecure                    = try(local.openstack[each.key].insecure, null)
    ip_version                  = try(local.openstack[each.key].ip_version, null)
    keypair_name                = try(local.openstack[each.key].keypair_name, null)
    net_id                      = try(local.openstack[each.key].net_id, null)
    net_name                    = try(local.openstack[each.key].net_name, null)
    nova_network                = try(local.openstack[each.key].nova_network, null)
    private_key_file            = try(local.openstack[each.key].private_key_file, null)
    region                      = try(local.openstack[each.key].region, null)
    sec_groups                  = try(local.openstack[each.key].sec_groups, null)
    server_group_id             = try(local.openstack[each.key].server_group_id, null)
    server_group_name           = try(local.openstack[each.key].server_group_name, null)
    ssh_port                    = try(local.openstack[each.key].ssh_port, null)
    ssh_user                    = try(local.openstack[each.key].ssh_user, null)
    tenant_domain_id            = try(local.openstack[each.key].tenant_domain_id, null)
    tenant_domain_name          = try(local.openstack[each.key].tenant_domain_name, null)
    tenant_id                   = try(local.openstack[each.key].tenant_id, null)
    tenant_name                 = try(local.openstack[each.key].tenant_name, null)
    user_data_file              = try(local.openstack[each.key].user_data_file, null)
    user_domain_id              = try(local.openstack[each.key].user_domain_id, null)
    user_domain_name            = try(local.openstack[each.key].user_domain_name, null)
    username                    = try(local.openstack[each.key].username, null)
    volume_device_path          = try(local.openstack[each.key].volume_device_path, null)
    volume_id                   = try(local.openstack[each.key].volume_id, null)
    volume_name                 = try(local.openstack[each.key].volume_name, null)
    volume_size                 = each.value.disk_gb
    volume_type                 = try(local.openstack[each.key].volume_type, null)
  }

  lifecycle {
    precondition {
      condition     = each.value.machine_type != null
      error_message = "Pool ${each.key} needs a machine_type."
    }
  }
}
