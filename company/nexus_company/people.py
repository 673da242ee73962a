"""Believable Brazilian names and tax ids, drawn from a seeded source."""

from __future__ import annotations

import random

FIRST = (
    "Ana Beatriz Bruno Camila Carlos Daniela Diego Eduardo Fernanda Gabriel Helena Igor Isabela João Juliana "
    "Larissa Leonardo Lucas Luiza Marcos Mariana Mateus Natália Otávio Patrícia Paulo Rafaela Renato Rodrigo "
    "Sabrina Thiago Vanessa Vinícius"
).split()
LAST = (
    "Almeida Andrade Barbosa Barros Batista Cardoso Carvalho Castro Correia Costa Cunha Dias Duarte Fernandes "
    "Ferreira Freitas Gomes Lima Lopes Macedo Martins Melo Mendes Monteiro Moreira Nascimento Nunes Oliveira "
    "Pereira Ramos Ribeiro Rocha Santana Santos Silva Souza Teixeira Vieira"
).split()
TRADES = (
    "Mercearia Padaria Papelaria Ferragens Farmácia Livraria Pousada Restaurante Cafeteria Oficina Armarinho "
    "Floricultura Sorveteria Açougue Ótica"
).split()
CITIES = (
    ("São Paulo", "SP"), ("Campinas", "SP"), ("Rio de Janeiro", "RJ"), ("Niterói", "RJ"), ("Belo Horizonte", "MG"),
    ("Uberlândia", "MG"), ("Curitiba", "PR"), ("Londrina", "PR"), ("Porto Alegre", "RS"), ("Florianópolis", "SC"),
    ("Joinville", "SC"), ("Salvador", "BA"), ("Recife", "PE"), ("Fortaleza", "CE"), ("Goiânia", "GO"),
    ("Brasília", "DF"), ("Vitória", "ES"), ("Belém", "PA"), ("Manaus", "AM"),
)  # fmt: skip
ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def check_digits(body: str, first_weights: list[int], second_weights: list[int]) -> str:
    """The two check digits of a CPF or CNPJ; a character's value is its code minus 48 (Receita Federal)."""
    values = [ord(character) - 48 for character in body]
    for weights in (first_weights, second_weights):
        rest = sum(value * weight for value, weight in zip(values, weights, strict=True)) % 11
        values.append(0 if rest < 2 else 11 - rest)
    return f"{values[-2]}{values[-1]}"


def cpf(rng: random.Random) -> str:
    """A valid CPF, digits only."""
    body = "".join(str(rng.randrange(10)) for _ in range(9))
    return body + check_digits(body, list(range(10, 1, -1)), list(range(11, 1, -1)))


def cnpj(rng: random.Random, *, alphanumeric: bool = False) -> str:
    """A valid CNPJ; alphanumeric as issued from July 2026 when asked."""
    alphabet = ALPHANUMERIC if alphanumeric else "0123456789"
    body = "".join(rng.choice(alphabet) for _ in range(8)) + "0001"
    weights = [5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]
    return body + check_digits(body, weights, [6, *weights])


def customer(rng: random.Random) -> dict[str, str]:
    """One customer as the CRM takes it: a person, or in one case of three a small company."""
    first, last = rng.choice(FIRST), rng.choice(LAST)
    city, state = rng.choice(CITIES)
    company = rng.random() < 0.35
    tax_id = cnpj(rng, alphanumeric=rng.random() < 0.15) if company else cpf(rng)
    name = f"{rng.choice(TRADES)} {last} Ltda." if company else f"{first} {rng.choice(LAST)} {last}"
    mailbox = f"{first}.{last}.{rng.randrange(10_000)}".lower()
    return {
        "name": name,
        "tax_id": tax_id,
        "email": f"{_plain(mailbox)}@exemplo.com.br",
        "phone": f"+55{rng.randrange(11, 99)}9{rng.randrange(10**7, 10**8)}",
        "city": city,
        "state": state,
    }


def _plain(text: str) -> str:
    return text.translate(str.maketrans("áàâãéêíóôõúüçÁÉÍÓÚÂÊÔÃÕÇ", "aaaaeeiooouucaeiouaeoaoc"))
