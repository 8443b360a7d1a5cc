# Machines of vSphere.

variable "vsphere" {
  description = "Settings for all machines, as of `vsphere_config` of rancher2_machine_config_v2. Given, the machines are of vSphere."
  type        = any
  default     = null

  # An object type would drop a misspelt name without a word.
  validation {
    condition     = var.vsphere == null || length(setsubtract(try(keys(var.vsphere), []), local.vsphere_names)) == 0
    error_message = "vsphere does not know ${join(", ", setsubtract(try(keys(var.vsphere), []), local.vsphere_names))}; it knows ${join(", ", local.vsphere_names)}."
  }
}

locals {
  vsphere_names = ["boot2docker_url", "cfgparam", "clone_from", "cloud_config", "cloudinit", "content_library", "creation_type", "custom_attributes", "datacenter", "datastore", "datastore_cluster", "folder", "graceful_shutdown_timeout", "hostsystem", "network", "os", "pool", "ssh_password", "ssh_port", "ssh_user", "ssh_user_group", "tags", "vapp_ip_allocation_policy", "vapp_ip_protocol", "vapp_property", "vapp_transport"]
  # A pool may differ, for example in its zone.
  vsphere = { for name, pool in local.machines_of["vsphere"] : name => merge(var.vsphere, pool.machine) }
}

resource "rancher2_cloud_credential" "vsphere" {
  count = local.driver == "vsphere" && var.credential_name == null ? 1 : 0

  name        = var.name
  description = "Machines of cluster ${var.name}"
  labels      = local.marks

  vsphere_credential_config {
    username     = var.credential["username"]
    password     = var.credential["password"]
    vcenter      = var.credential["vcenter"]
    vcenter_port = lookup(var.credential, "vcenter_port", null)
  }

  lifecycle {
    precondition {
      condition     = length(setsubtract(["username", "password", "vcenter"], nonsensitive(keys(var.credential)))) == 0
      error_message = "credential needs ${join(", ", setsubtract(["username", "password", "vcenter"], nonsensitive(keys(var.credential))))}, or give credential_name."
    }
  }
}

resource "rancher2_machine_config_v2" "vsphere" {
  for_each = local.machines_of["vsphere"]

  generate_name = "${var.name}-${each.key}"
  labels        = merge(local.marks, { "omegaml.io/pool" = each.key })

  vsphere_config {
    boot2docker_url           = try(local.vsphere[each.key].boot2docker_url, null)
    cfgparam                  = try(local.vsphere[each.key].cfgparam, null)
    clone_from                = try(local.vsphere[each.key].clone_from, null)
    cloud_config              = try(local.vsphere[each.key].cloud_config, null)
    cloudinit                 = try(local.vsphere[each.key].cloudinit, null)
    content_library           = try(local.vsphere[each.key].content_library, null)
    cpu_count                 = each.value.cores
    creation_type             = try(local.vsphere[each.key].creation_type, null)
    custom_attributes         = try(local.vsphere[each.key].custom_attributes, null)
    datacenter                = try(local.vsphere[each.key].datacenter, null)
    datastore                 = try(local.vsphere[each.key].datastore, null)
    datastore_cluster         = try(local.vsphere[each.key].datastore_cluster, null)
    disk_size                 = each.value.disk_gb == null ? null : each.value.disk_gb * 1024
    folder                    = try(local.vsphere[each.key].folder, null)
    graceful_shutdown_timeout = try(local.vsphere[each.key].graceful_shutdown_timeout, null)
    hostsystem                = try(local.vsphere[each.key].hostsystem, null)
    memory_size               = each.value.memory_gb == null ? null : each.value.memory_gb * 1024
    network                   = try(local.vsphere[each.key].network, null)
    os                        = try(local.vsphere[each.key].os, null)
    pool                      = try(local.vsphere[each.key].pool, null)
    ssh_password              = try(local.vsphere[each.key].ssh_password, null)
    ssh_port                  = try(local.vsphere[each.key].ssh_port, null)
    ssh_user                  = try(local.vsphere[each.key].ssh_user, null)
    ssh_user_group            = try(local.vsphere[each.key].ssh_user_group, null)
    tags                      = try(local.vsphere[each.key].tags, null)
    vapp_ip_allocation_policy = try(local.vsphere[each.key].vapp_ip_allocation_policy, null)
    vapp_ip_protocol          = try(local.vsphere[each.key].vapp_ip_protocol, null)
    vapp_property             = try(local.vsphere[each.key].vapp_property, null)
    vapp_transport            = try(local.vsphere[each.key].vapp_transport, null)
  }

  lifecycle {
    precondition {
      condition     = each.value.cores != null && each.value.memory_gb != null
      error_message = "Pool ${each.key} needs cores and memory_gb."
    }
  }
}
