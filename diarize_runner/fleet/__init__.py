"""GPU boxes on EC2: launched, found again by their tag, handed to Ansible, terminated.

    order.py       Order        what boxes to launch; images.py and user_data.py make two of its parts
    launch.py      LaunchPlan   what is lacking of a fleet -> Box*, running and well
    boxes.py       Box*         a fleet, as its tag finds it
    host_keys.py                the keys on their consoles -> known_hosts
    terminate.py                the same, gone
    inventory.py                Box* -> what Ansible reads
    prices.py      Price        what it costs, as AWS says, or why AWS does not say; on spot, in the zone of subnets.py

aws.py alone imports boto3, and aws_refusals.py says what AWS refuses with. Used by scripts/launch_box.py and
scripts/inventory_ec2.py, on an operator's machine. It is part of the package, and not of scripts/, so that the layers,
the types and the errors are held to the same rules as everything else.
"""
