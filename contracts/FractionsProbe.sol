// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Fractions} from './Fractions.sol';

/// Answers many questions about fractions at once. Never deployed: tests call its code.
contract FractionsProbe {
    struct Question {
        uint256 amount;
        uint256 numerator;
        uint256 denominator;
        uint256 scale;
    }

    struct Answer {
        uint256 ratio;
        uint256 part;
        uint256 partOfRatio;
    }

    function ask(Question[] calldata questions) external pure returns (Answer[] memory answers) {
        answers = new Answer[](questions.length);
        for (uint256 i = 0; i < questions.length; i++) {
            Question calldata question = questions[i];
            answers[i] = Answer(
                Fractions.ratio(question.numerator, question.denominator, question.scale),
                Fractions.part(question.amount, question.numerator, question.scale),
                Fractions.part(question.amount, question.numerator, question.denominator, question.scale)
            );
        }
    }
}
