variable "name" {
  description = "Name of the cluster; the names of everything begin with it."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$", var.name))
    error_message = "name must begin with a letter and hold a-z, 0-9 and - only, 30 at most."
  }
}

variable "labels" {
  description = "Labels of everything at Hetzner, beside `cluster`, which is the name."
  type        = map(string)
  default     = {}
}

variable "location" {
  description = "Where everything is, such as fsn1. Volumes can be used in their own location only."
  type        = string
}

variable "network_zone" {
  description = "Zone of the location: eu-central for fsn1, nbg1 and hel1."
  type        = string
  default     = "eu-central"
}

variable "network_id" {
  description = "A network that is there, of network_range: only a subnet is made in it, and it stays. Null: one of the cluster's own."
  type        = number
  default     = null
}

variable "network_range" {
  description = "Private range of the network. Pods have 10.42.0.0/16, Services 10.43.0.0/16: it must not touch them."
  type        = string
  default     = "10.0.0.0/16"
}

variable "subnet_range" {
  description = "Part of network_range that machines get addresses of; the control plane has .11 to .13."
  type        = string
  default     = "10.0.1.0/24"
}

variable "image" {
  description = "Image of new machines."
  type        = string
  default     = "debian-13"
}

variable "ssh_keys" {
  description = "Names of Hetzner's SSH keys that open new machines. None: Hetzner mails a root password for each."
  type        = list(string)
  default     = []
}

variable "ssh_ranges" {
  description = "Address ranges that reach port 22; none: nobody."
  type        = set(string)
  default     = []
}

variable "api_ranges" {
  description = "Address ranges that reach the Kubernetes API; yours must be among them, or the kubeconfig is of no use."
  type        = set(string)

  validation {
    condition     = length(setintersection(var.api_ranges, ["0.0.0.0/0", "::/0"])) == 0
    error_message = "api_ranges must not be the whole world."
  }
}

variable "private_api" {
  description = "The kubeconfig names the private address of control-1, for who is in the network."
  type        = bool
  default     = false
}

variable "k3s_version" {
  description = "Version of k3s for new machines. Running ones are upgraded by system-upgrade-controller."
  type        = string
  default     = "v1.35.8+k3s1"

  validation {
    condition     = can(regex("^v[0-9]+\\.[0-9]+\\.[0-9]+\\+k3s[0-9]+$", var.k3s_version))
    error_message = "k3s_version must be a release of k3s, such as v1.35.8+k3s1."
  }
}

variable "control" {
  description = "The control plane with etcd: 1 or 3 machines. With role `control` it takes no other pods; with another role it is a machine like any of that role."
  type = object({
    count       = optional(number, 1)
    server_type = optional(string, "cx33")
    role        = optional(string, "control")
  })
  default = {}

  validation {
    condition     = contains([1, 3], var.control.count)
    error_message = "control.count must be 1 or 3: etcd needs an odd number, and two are worse than one."
  }
}

variable "join" {
  description = "Private address of a control machine that runs. Set it before control-1 is made anew, or that begins a second cluster."
  type        = string
  default     = ""
}

variable "pools" {
  description = "Machines by pool. A role becomes the node label omegaml.io/role. Labels and taints are for new machines; running ones get them through the Kubernetes API."
  type = map(object({
    role        = string
    server_type = string
    size        = number
    labels      = optional(map(string), {})
    taints      = optional(set(object({ key = string, value = optional(string, ""), effect = string })), [])
  }))
  default = {}

  validation {
    condition     = alltrue([for pool in keys(var.pools) : pool != "control" && can(regex("^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$", pool))])
    error_message = "A pool's name must begin with a letter and hold a-z, 0-9 and - only, 20 at most; control is taken."
  }
}

variable "ingress_role" {
  description = "Role of the machines behind the load balancer where no pool has role ingress."
  type        = string
  default     = "worker"
}

variable "load_balancer" {
  description = "Whether there is a load balancer for the ingress."
  type        = bool
  default     = true
}

variable "load_balancer_type" {
  description = "Hetzner's type of load balancer."
  type        = string
  default     = "lb11"
}

variable "ingress_ports" {
  description = "Ports of the load balancer (listen) and the NodePorts of chart omegaml-ingress behind them (node)."
  type        = map(object({ listen = number, node = number }))
  default = {
    http    = { listen = 80, node = 30080 }
    https   = { listen = 443, node = 30443 }
    mongodb = { listen = 27017, node = 30017 }
    broker  = { listen = 5671, node = 30671 }
  }
}

variable "hcloud_token" {
  description = "Token of Hetzner's API for the cloud controller and the CSI driver. One of its own, so that it can be revoked alone."
  type        = string
  sensitive   = true
}

variable "etcd_backup" {
  description = "S3 bucket for snapshots of etcd, every 6 hours, 28 of them; null: they lie on the control plane's own disks only. For new control machines."
  sensitive   = true
  default     = null
  type = object({
    bucket     = string
    endpoint   = string
    region     = optional(string, "")
    folder     = optional(string, "etcd")
    access_key = string
    secret_key = string
  })
}

variable "keys" {
  description = "The cluster's authorities, tokens and the administrator's certificate, all PEM; `node scripts/cluster-keys.ts` makes them."
  sensitive   = true
  type = object({
    token       = string
    agent_token = string
    # By file name below /var/lib/rancher/k3s/server/tls, such as server-ca.crt.
    files     = map(string)
    admin_crt = string
    admin_key = string
  })

  validation {
    condition = length(setsubtract([
      "server-ca.crt", "server-ca.key", "client-ca.crt", "client-ca.key", "request-header-ca.crt", "request-header-ca.key",
      "etcd/peer-ca.crt", "etcd/peer-ca.key", "etcd/server-ca.crt", "etcd/server-ca.key", "service.key",
    ], keys(var.keys.files))) == 0
    error_message = "keys.files lacks some of the files that k3s wants; make them by scripts/cluster-keys.ts."
  }
}
