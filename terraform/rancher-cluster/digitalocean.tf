# Machines of DigitalOcean.

variable "digitalocean" {
  description = "Settings for all machines, as of `digitalocean_config` of rancher2_machine_config_v2. Given, the machines are of DigitalOcean."
  type        = any
  default     = null

  # An object type would drop a misspelt name without a word.
  validation {
    condition     = var.digitalocean == null || length(setsubtract(try(keys(var.digitalocean), []), local.digitalocean_names)) == 0
    error_message = "digitalocean does not know ${join(", ", setsubtract(try(keys(var.digitalocean), []), local.digitalocean_names))}; it knows ${join(", ", local.digitalocean_names)}."
  }
}

locals {
  digitalocean_names = ["backups", "image", "ipv6", "monitoring", "private_networking", "region", "ssh_key_contents", "ssh_key_fingerprint", "ssh_port", "ssh_user", "tags", "userdata"]
  # A pool may differ, for example in its zone.
  digitalocean = { for name, pool in local.machines_of["digitalocean"] : name => merge(var.digitalocean, pool.machine) }
}

resource "rancher2_cloud_credential" "digitalocean" {
  count = local.driver == "digitalocean" && var.credential_name == null ? 1 : 0

  name        = var.name
  description = "Machines of cluster ${var.name}"
  labels      = local.marks

  digitalocean_credential_config {
    access_token = var.credential["access_token"]
  }

  lifecycle {
    precondition {
      condition     = length(setsubtract(["access_token"], nonsensitive(keys(var.credential)))) == 0
      error_message = "credential needs ${join(", ", setsubtract(["access_token"], nonsensitive(keys(var.credential))))}, or give credential_name."
    }
  }
}

resource "rancher2_machine_config_v2" "digitalocean" {
  for_each = local.machines_of["digitalocean"]

  generate_name = "${var.name}-${each.key}"
  labels        = merge(local.marks, { "omegaml.io/pool" = each.key })

  digitalocean_config {
    backups             = try(local.digitalocean[each.key].backups, null)
    image               = try(local.digitalocean[each.key].image, null)
    ipv6                = try(local.digitalocean[each.key].ipv6, null)
    monitoring          = try(local.digitalocean[each.key].monitoring, null)
    private_networking  = try(local.digitalocean[each.key].private_networking, null)
    region              = try(local.digitalocean[each.key].region, null)
    size                = each.value.machine_type
    ssh_key_contents    = try(local.digitalocean[each.key].ssh_key_contents, null)
    ssh_key_fingerprint = try(local.digitalocean[each.key].ssh_key_fingerprint, null)
    ssh_port            = try(local.digitalocean[each.key].ssh_port, null)
    ssh_user            = try(local.digitalocean[each.key].ssh_user, null)
    tags                = try(local.digitalocean[each.key].tags, null)
    userdata            = try(local.digitalocean[each.key].userdata, null)
  }

  lifecycle {
    precondition {
      condition     = each.value.machine_type != null
      error_message = "Pool ${each.key} needs a machine_type."
    }
  }
}
