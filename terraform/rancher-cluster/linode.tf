# Machines of Linode.

variable "linode" {
  description = "Settings for all machines, as of `linode_config` of rancher2_machine_config_v2. Given, the machines are of Linode."
  type        = any
  default     = null

  # An object type would drop a misspelt name without a word.
  validation {
    condition     = var.linode == null || length(setsubtract(try(keys(var.linode), []), local.linode_names)) == 0
    error_message = "linode does not know ${join(", ", setsubtract(try(keys(var.linode), []), local.linode_names))}; it knows ${join(", ", local.linode_names)}."
  }
}

locals {
  linode_names = ["authorized_users", "create_private_ip", "docker_port", "image", "label", "region", "ssh_port", "ssh_user", "stackscript", "stackscript_data", "swap_size", "tags", "ua_prefix"]
  # A pool may differ, for example in its zone.
  linode = { for name, pool in local.machines_of["linode"] : name => merge(var.linode, pool.machine) }
}

resource "rancher2_cloud_credential" "linode" {
  count = local.driver == "linode" && var.credential_name == null ? 1 : 0

  name        = var.name
  description = "Machines of cluster ${var.name}"
  labels      = local.marks

  linode_credential_config {
    token = var.credential["token"]
  }

  lifecycle {
    precondition {
      condition     = length(setsubtract(["token"], nonsensitive(keys(var.credential)))) == 0
      error_message = "credential needs ${join(", ", setsubtract(["token"], nonsensitive(keys(var.credential))))}, or give credential_name."
    }
  }
}

resource "rancher2_machine_config_v2" "linode" {
  for_each = local.machines_of["linode"]

  generate_name = "${var.name}-${each.key}"
  labels        = merge(local.marks, { "omegaml.io/pool" = each.key })

  linode_config {
    authorized_users  = try(local.linode[each.key].authorized_users, null)
    create_private_ip = try(local.linode[each.key].create_private_ip, null)
    docker_port       = try(local.linode[each.key].docker_port, null)
    image             = try(local.linode[each.key].image, null)
    instance_type     = each.value.machine_type
    label             = try(local.linode[each.key].label, null)
    region            = try(local.linode[each.key].region, null)
    ssh_port          = try(local.linode[each.key].ssh_port, null)
    ssh_user          = try(local.linode[each.key].ssh_user, null)
    stackscript       = try(local.linode[each.key].stackscript, null)
    stackscript_data  = try(local.linode[each.key].stackscript_data, null)
    swap_size         = try(local.linode[each.key].swap_size, null)
    tags              = try(local.linode[each.key].tags, null)
    ua_prefix         = try(local.linode[each.key].ua_prefix, null)
  }

  lifecycle {
    precondition {
      condition     = each.value.machine_type != null
      error_message = "Pool ${each.key} needs a machine_type."
    }
  }
}
