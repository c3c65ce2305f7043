# An image of a box with its models, for a faster start. See docs/aws.md. Never built on AWS.
packer {
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = "~> 1.3"
    }
    ansible = {
      source  = "github.com/hashicorp/ansible"
      version = "~> 1.1"
    }
  }
}

variable "region" { type = string }
variable "subnet" { type = string }
variable "store" { type = string }
variable "instance_profile" { type = string }

data "amazon-parameterstore" "base" {
  region = var.region
  name   = "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id"
}

source "amazon-ebs" "box" {
  region        = var.region
  subnet_id     = var.subnet
  instance_type = "g4dn.xlarge"
  source_ami    = data.amazon-parameterstore.base.value
  ssh_username  = "ubuntu"
  ami_name      = "diarize-box-{{timestamp}}"
  encrypt_boot  = true
  imds_support  = "v2.0"

  # The profile lets the instance read the store. Packer removes its own ssh key afterwards.
  iam_instance_profile      = var.instance_profile
  ssh_clear_authorized_keys = true

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
}

build {
  sources = ["source.amazon-ebs.box"]

  provisioner "ansible" {
    playbook_file = "${path.root}/../../playbooks/bake.yml"
    groups        = ["diarize_boxes"]
    user          = "ubuntu"
    use_proxy     = false
    extra_arguments = [
      "--extra-vars", "diarize_runner_store=${var.store}",
    ]
  }
}
