# Machines of one ordered pool, added to a cluster that belongs to the operator.

terraform {
  required_version = ">= 1.6"
  required_providers {
    localcloud = {
      source  = "registry.opentofu.org/omegaml/localcloud"
      version = "~> 0.1"
    }
  }
}

variable "cluster" {
  description = "Name of the cluster that the machines join."
  type        = string
}

variable "machines" {
  description = "Machines by name. A role becomes the node label omegaml.io/role."
  type = map(object({
    role      = string
    cores     = number
    memory_gb = number
    labels    = optional(map(string), {})
    taints    = optional(set(object({ key = string, value = optional(string, ""), effect = string })), [])
    simulated = optional(bool, false)
    gpu       = optional(number, 0)
  }))
}

resource "localcloud_machine" "this" {
  for_each = var.machines

  cluster   = var.cluster
  name      = each.key
  cores     = each.value.cores
  memory_gb = each.value.memory_gb
  role      = each.value.role
  labels    = each.value.labels
  taints    = each.value.taints
  simulated = each.value.simulated
  gpu       = each.value.gpu
}

output "machines" {
  description = "Address and state of each machine."
  value = {
    for name, machine in localcloud_machine.this : name => {
      address = machine.address
      state   = machine.state
    }
  }
}
