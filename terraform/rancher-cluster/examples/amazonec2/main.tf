# Amazon EC2: the machines lie in a network that exists. Rancher by RANCHER_URL and RANCHER_TOKEN_KEY, the cloud by TF_VAR_credential.

provider "rancher2" {}

variable "credential" {
  description = "access_key, secret_key as a map."
  type        = map(string)
  sensitive   = true
}

variable "vpc_id" {
  type = string
}

variable "subnet_id" {
  type = string
}

variable "ami" {
  type = string
}

variable "instance_profile" {
  description = "Instance profile of the machines: the AWS cloud controller and the EBS CSI driver need it."
  type        = string
  default     = null
}

module "cluster" {
  source = "../.."

  name               = "omegaml"
  kubernetes_version = "v1.35.8+rke2r1"
  credential         = var.credential

  amazonec2 = {
    region               = "eu-central-1"
    zone                 = "a"
    vpc_id               = var.vpc_id
    subnet_id            = var.subnet_id
    security_group       = ["omegaml-nodes"]
    ami                  = var.ami
    ssh_user             = "ubuntu"
    http_tokens          = "required"
    iam_instance_profile = var.instance_profile
    tags                 = "kubernetes.io/cluster/omegaml,owned"
  }

  pools = {
    control  = { role = "control", machine_type = "t3.large", disk_gb = 60, size = 1 }
    dbmaster = { role = "dbmaster", machine_type = "m6i.large", disk_gb = 60, size = 1, machine = { zone = "a" } }
    ingress  = { role = "ingress", machine_type = "t3.medium", disk_gb = 40, size = 1 }
    system   = { role = "system", machine_type = "t3.medium", disk_gb = 40, size = 1 }
    worker   = { role = "worker", machine_type = "m6i.large", disk_gb = 60, size = 1, min = 1, max = 5 }
  }
}

output "pools" {
  value = module.cluster.pools
}

output "kubeconfig" {
  value     = module.cluster.kubeconfig
  sensitive = true
}
